import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Exchange, makeNode, openBeside, openStore, serveNode, talk } from '../support/harness.ts';
import { buildRequest, getPayload, postPayload } from '../support/wire.ts';

/** Any bytes give a status or a closed connection: never a throw, a hang, a 252, or a row from invalid input. */
const coin = { denomination: 1, serialNumber: 300, secret: Buffer.alloc(16, 6) };
const coinName = Buffer.from('010000012c', 'hex');
const coinFile = Buffer.concat([Buffer.from('09010006', 'hex'), Buffer.alloc(436, 4)]);
const seeds = ([0, 1, 4] as const).flatMap((type) => {
  const sealed = { type, coins: type === 0 ? [] : [coin] };
  return [
    buildRequest({ group: 0, command: 0, ...sealed }),
    buildRequest({ group: 0, command: 2, payload: Buffer.alloc(16), ...sealed }),
    buildRequest({ group: 0, command: 3, ...sealed }),
    buildRequest({
      group: 4,
      command: 41,
      payload: postPayload(Buffer.alloc(16, 1), coinName, Buffer.alloc(128), 120, 127),
      ...sealed,
    }),
    buildRequest({ group: 4, command: 42, payload: Buffer.alloc(40), ...sealed }),
    buildRequest({ group: 4, command: 43, payload: getPayload(Buffer.alloc(16, 2)), ...sealed }),
    buildRequest({ group: 4, command: 44, payload: coinName, ...sealed }),
    buildRequest({ group: 4, command: 44, payload: Buffer.concat([coinName, Buffer.alloc(8)]), ...sealed }),
    buildRequest({ group: 4, command: 45, payload: Buffer.concat([coinName, Buffer.alloc(52)]), ...sealed }),
  ];
});

/** One valid request with some bytes changed, cut off, doubled or announced wrongly. */
const mutated = fc
  .record({
    seed: fc.constantFrom(...seeds),
    flips: fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
    cut: fc.option(fc.nat()),
    tail: fc.uint8Array({ maxLength: 40 }),
  })
  .map(({ seed, flips, cut, tail }) => {
    const bytes = Buffer.from(seed);
    for (const [place, value] of flips) bytes[place % bytes.length] = value;
    const kept = cut === null ? bytes : bytes.subarray(0, cut % (bytes.length + 1));
    return Buffer.concat([kept, Buffer.from(tail)]);
  });

const anything = fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes));

function databaseDigest(directory: string): string {
  const rows = openBeside(directory).prepare('SELECT records FROM coin_pages ORDER BY id').pluck().all() as Buffer[];
  return createHash('sha256').update(Buffer.concat(rows)).digest('hex');
}

describe('fuzz', () => {
  it('20,000 cases in process', () => {
    const directory = makeNode([coin], { '01.300.bin': coinFile });
    const exchange = new Exchange(openStore(directory));
    const before = databaseDigest(directory);
    let cases = 0;
    fc.assert(
      fc.property(fc.oneof({ weight: 4, arbitrary: mutated }, { weight: 1, arbitrary: anything }), (bytes) => {
        cases += 1;
        for (const reply of exchange.send(bytes)) expect(reply.readUInt8(2)).not.toBe(252);
      }),
      { numRuns: 20_000 },
    );
    expect(cases).toBe(20_000);
    expect(databaseDigest(directory)).toBe(before);
    const keys = openBeside(directory).prepare('SELECT key_id FROM chat_keys WHERE length(key) > 127').all();
    expect(keys).toEqual([]);
  });

  it('1,500 cases over sockets, and an honest client is served all the while', async () => {
    const directory = makeNode([coin], { '01.300.bin': coinFile });
    const { port } = await serveNode(directory, '[limits]\nheader_deadline_ms = 200\nrequest_deadline_ms = 300');
    const samples = fc.sample(fc.oneof(mutated, anything), 1_500);
    for (let start = 0; start < samples.length; start += 150) {
      const talks = samples.slice(start, start + 150).map((bytes) => talk(port, [bytes], 10_000, 50));
      for (const { received } of await Promise.all(talks)) {
        if (received.length >= 32) expect(received[2]).not.toBe(252);
      }
      expect((await talk(port, [buildRequest({ group: 0, command: 0 })], 32)).received[2]).toBe(250);
    }
  });

  it('every bit of one request of each kind flipped', () => {
    const exchange = new Exchange(openStore(makeNode([coin], { '01.300.bin': coinFile })));
    for (const seed of seeds) {
      for (let bit = 0; bit < seed.length * 8; bit += 1) {
        const bytes = Buffer.from(seed);
        bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        for (const reply of exchange.send(bytes)) expect(reply.readUInt8(2)).not.toBe(252);
      }
    }
  });
});
