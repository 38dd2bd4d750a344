import { createHash } from 'node:crypto';
import type { Database } from 'better-sqlite3';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Exchange, type GivenCoin, makeNode, openBeside, openStore, serveNode } from '../support/harness.ts';
import { converse } from '../support/socket.ts';
import { buildRequest, coinBytes, ctr, getPayload, postPayload } from '../support/wire.ts';

/** What is not a sound request has no effect: whatever was mutated, only an answer that says so goes with a change. */
const holder: GivenCoin = { denomination: 2, serialNumber: 77, secret: Buffer.alloc(16, 0x11) };
const second: GivenCoin = { denomination: -3, serialNumber: 5, secret: Buffer.alloc(16, 0x22) };
const server: GivenCoin = { denomination: 1, serialNumber: 300, secret: Buffer.alloc(16, 0x33) };
const keys = Buffer.from(Array.from({ length: 400 }, (_, index) => (index * 13) & 0xff));
const coinFile = Buffer.concat([Buffer.from('09010006', 'hex'), Buffer.alloc(36), keys]);
const name = coinBytes(1, 300);

function decryptPayload(fill: number): Buffer {
  const clear = Buffer.concat([Buffer.alloc(8, fill), coinBytes(2, 78), Buffer.from('1234ff', 'hex')]);
  const ticket = ctr(keys.subarray(48, 64), Buffer.alloc(16), clear);
  return Buffer.concat([name, Buffer.from('0006000300', 'hex'), coinBytes(2, 78), ticket]);
}

/** Valid requests that write, and some that do not, under every type. */
const seeds = ([0, 1, 4, 5] as const).flatMap((type) => {
  const sealed = { group: 4, type, coins: [holder, second].slice(0, type === 0 ? 0 : type === 5 ? 2 : 1) };
  return [
    buildRequest({
      ...sealed,
      command: 41,
      payload: postPayload(Buffer.alloc(16, type), name, keys.subarray(0, 128), 3, 40),
    }),
    buildRequest({ ...sealed, command: 43, payload: getPayload(Buffer.alloc(16, type)) }),
    buildRequest({ ...sealed, command: 44, payload: name }),
    buildRequest({ ...sealed, command: 45, payload: decryptPayload(0x50 + type) }),
  ];
});

const mutation = fc.record({
  seed: fc.constantFrom(...seeds),
  changes: fc.array(fc.record({ place: fc.nat(), mask: fc.integer({ min: 1, max: 255 }) }), {
    minLength: 1,
    maxLength: 3,
  }),
  inBody: fc.boolean(),
  cut: fc.option(fc.nat(), { freq: 6 }),
});

type Mutation = typeof mutation extends fc.Arbitrary<infer T> ? T : never;

function mutate({ seed, changes, inBody, cut }: Mutation): Buffer {
  const bytes = Buffer.from(seed);
  const headerSize = (seed[16] ?? 0) >= 4 ? 48 : 32;
  const start = inBody ? headerSize : 0;
  const end = inBody ? bytes.length : headerSize;
  for (const { place, mask } of changes) {
    const at = start + (place % (end - start));
    bytes[at] = (bytes[at] ?? 0) ^ mask;
  }
  return cut === null ? bytes : bytes.subarray(0, cut % bytes.length);
}

const tables = ['coin_pages', 'free_pages', 'chat_keys', 'tickets', 'settings'];

function digestOf(database: Database): string {
  const hash = createHash('sha256');
  for (const table of tables) {
    for (const row of database.prepare(`SELECT * FROM ${table} ORDER BY 1`).raw().all())
      hash.update(JSON.stringify(row));
  }
  return hash.digest('hex');
}

const filledNode = () => makeNode([holder, second, server], { '01.300.bin': coinFile });
const writes = new Set([41, 45]);

describe('mutated requests', () => {
  it('change nothing unless they are answered as a write that was carried out', () => {
    const directory = filledNode();
    const exchange = new Exchange(openStore(directory));
    const beside = openBeside(directory);
    let before = digestOf(beside);
    let refused = 0;
    fc.assert(
      fc.property(mutation, (each) => {
        const bytes = mutate(each);
        const frames = exchange.frames(bytes);
        const replies = exchange.send(bytes);
        expect(replies).toHaveLength(frames.length);
        const after = digestOf(beside);
        const carriedOut = replies.some(
          (reply, index) => reply[2] === 250 && writes.has(frames[index]?.header.command ?? 0),
        );
        for (const reply of replies) expect(reply[2]).not.toBe(252);
        if (!carriedOut) {
          expect(after).toBe(before);
          refused += 1;
        }
        before = after;
      }),
      { numRuns: 3_000 },
    );
    expect(refused).toBeGreaterThan(1_000);
  });

  it('under types 4 and 5 are refused whatever bit of the body was changed, under type 1 of the challenge', () => {
    const directory = filledNode();
    const exchange = new Exchange(openStore(directory));
    const beside = openBeside(directory);
    const before = digestOf(beside);
    for (const seed of seeds.filter((each) => (each[16] ?? 0) > 0)) {
      const modern = (seed[16] ?? 0) >= 4;
      const [start, end] = modern ? [48, seed.length - 2] : [32, 48];
      for (let place = start; place < end; place += 1) {
        const bytes = Buffer.from(seed);
        bytes[place] = (bytes[place] ?? 0) ^ (1 << (place & 7));
        expect(exchange.status(bytes), `type ${seed[16]}, byte ${place}`).toBe(modern ? 204 : 37);
      }
    }
    expect(digestOf(beside)).toBe(before);
  });

  it('split at random over a socket get the replies of the whole', async () => {
    const directory = filledNode();
    const { port } = await serveNode(directory);
    const stream = Buffer.concat([
      ...seeds.filter((each) => each[5] !== 44 && (each[16] ?? 0) < 4),
      ...seeds.slice(0, 2),
    ]);
    const shape = (received: Buffer) => {
      const copy = Buffer.from(received);
      for (let start = 0; start < copy.length; start += 32 + copy.readUIntBE(start + 9, 3))
        copy.fill(0, start + 12, start + 16);
      return copy.toString('hex');
    };
    await converse(port, [stream]);
    const whole = shape((await converse(port, [stream])).received);
    const cuts = fc.sample(fc.array(fc.nat(stream.length), { minLength: 1, maxLength: 40 }), 60);
    for (const each of cuts) {
      const places = [0, ...each.sort((one, other) => one - other), stream.length];
      const pieces = places.slice(1).map((place, index) => stream.subarray(places[index], place));
      const { received } = await converse(
        port,
        pieces.filter((piece) => piece.length > 0),
      );
      expect(shape(received), `cut at ${each.join(' ')}`).toBe(whole);
    }
  });
});
