import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Exchange, makeNode, openStore, watchedLogger } from '../support/harness.ts';
import { coin, keyId, other, post } from '../support/sealing-coins.ts';
import { buildRequest, challengeOf, getPayload } from '../support/wire.ts';

/** Replies to requests of one client that follow each other leave in one buffer: byte for byte what they are alone. */
const types = [0, 1, 4, 5] as const;

interface Kind {
  readonly type: (typeof types)[number];
  readonly asks: 'for a key' | 'for an echo' | 'wrongly';
}

const kind: fc.Arbitrary<Kind> = fc.record({
  type: fc.constantFrom(...types),
  asks: fc.constantFrom('for a key', 'for an echo', 'wrongly'),
});
const batch = fc.array(fc.record({ kinds: fc.array(kind, { minLength: 1, maxLength: 6 }) }), { maxLength: 6 });

function requestOf({ type, asks }: Kind, id: number): Buffer {
  return buildRequest({
    type,
    coins: type === 0 ? [] : type === 5 ? [coin, other] : [coin],
    nonce: Buffer.alloc(24, id + 1),
    challenge: challengeOf(Buffer.alloc(12, id + 1)),
    group: asks === 'for an echo' ? 0 : 4,
    command: asks === 'for an echo' ? 0 : 43,
    payload: asks === 'for a key' ? getPayload(keyId) : Buffer.alloc(asks === 'wrongly' ? 7 : 0),
  });
}

/** Two nodes in the same state, with the same clocks and, for what they draw, the same numbers; `failing` draws fail. */
function exchangeAt(failing: readonly number[] = []): Exchange {
  let calls = 0;
  const random = {
    bytes: (size: number) => {
      calls += 1;
      if (failing.includes(calls)) throw new Error('no randomness');
      return Buffer.alloc(size, calls);
    },
  };
  const logger = watchedLogger;
  return new Exchange(openStore(makeNode([coin, other])), { random, monotonicMs: () => 7, logger });
}

describe('replies to one client', () => {
  it('are together what they are each by itself, in their order', () => {
    fc.assert(
      fc.property(batch, (clients) => {
        const kinds = clients.flatMap(({ kinds: each }) => each);
        const [joined, apart] = [exchangeAt(), exchangeAt()];
        for (const exchange of [joined, apart]) exchange.one(post);
        const requests = kinds.map(requestOf);
        const lengths = clients.map(({ kinds: each }) => each.length);
        const replies = apart.send(...requests);
        let first = 0;
        const expected = lengths.map((length) => {
          first += length;
          return Buffer.concat(replies.slice(first - length, first)).toString('hex');
        });
        expect(joined.sendInRuns(lengths, ...requests).map((bytes) => bytes.toString('hex'))).toEqual(expected);
      }),
      { numRuns: 25 },
    );
  });

  it('are all there, and nobody else’s, where one of them cannot be sealed', () => {
    // What is drawn for the batch, and for the third reply when it is sealed alone.
    const exchange = exchangeAt([1, 4]);
    exchange.one(post);
    const requests = [0, 1, 2, 3, 4].map((id) => requestOf({ type: 4, asks: 'for a key' }, id));
    const [first = Buffer.alloc(0), second = Buffer.alloc(0), ...rest] = exchange.sendInRuns([2, 3], ...requests);
    const whole = first.length / 2;
    expect(rest).toEqual([]);
    expect([first[2], first[whole + 2]]).toEqual([250, 250]);
    expect(second.length).toBe(48 + 2 * whole);
    expect([second[2], second[48 + 2], second[48 + whole + 2]]).toEqual([252, 250, 250]);
    const echoes = [first.subarray(46), first.subarray(whole + 46), second.subarray(46), second.subarray(48 + 46)];
    expect(echoes.map((echo) => echo.readUInt16BE(0))).toEqual([0x0101, 0x0202, 0x0303, 0x0404]);
  });

  it('have each a nonce of their own, which names the second coin of their request', () => {
    const third = { denomination: 2, serialNumber: 79, secret: Buffer.alloc(16, 0xe4) };
    const exchange = new Exchange(openStore(makeNode([coin, other, third])));
    const seconds = Array.from({ length: 40 }, (_, id) => [undefined, other, third][id % 3]);
    const requests = seconds.map((second, id) =>
      buildRequest({
        group: 0,
        command: 0,
        type: second === undefined ? 4 : 5,
        coins: second === undefined ? [coin] : [coin, second],
        nonce: Buffer.alloc(24, id + 1),
      }),
    );
    const [joined = Buffer.alloc(0), ...rest] = exchange.sendInRuns([40], ...requests);
    const replies = seconds.map((_, id) => joined.subarray(id * 48, id * 48 + 48));
    expect([rest.length, joined.length]).toEqual([0, 40 * 48]);
    expect(replies.map((reply) => reply[2])).toEqual(seconds.map(() => 250));
    expect(new Set(replies.map((reply) => reply.toString('hex', 24, 46))).size).toBe(40);
    for (const [id, second] of seconds.entries()) {
      if (second !== undefined) expect(replies[id]?.readUInt32BE(25)).toBe(second.serialNumber);
    }
  });
});
