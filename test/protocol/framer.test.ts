import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { viewOf } from '../../src/bytes/slice.ts';
import { Exchange, makeNode, openStore } from '../support/harness.ts';
import { buildRequest, getPayload, masked, postPayload } from '../support/wire.ts';

/** Any split of a stream makes the same requests and gets the same replies. */
const coin = { denomination: 2, serialNumber: 77, secret: Buffer.alloc(16, 5) };
const keyId = Buffer.alloc(16, 3);
const stream = Buffer.concat([
  buildRequest({ group: 0, command: 0 }),
  buildRequest({
    group: 4,
    command: 41,
    payload: postPayload(keyId, Buffer.from('010000012c', 'hex'), Buffer.alloc(128, 1), 3, 9),
  }),
  buildRequest({ group: 4, command: 43, type: 1, coins: [coin], payload: getPayload(keyId) }),
  buildRequest({ group: 0, command: 1, type: 4, coins: [coin] }),
  buildRequest({ group: 4, command: 42, body: Buffer.alloc(0) }),
  buildRequest({ group: 0, command: 0, payload: Buffer.alloc(900, 7) }),
  buildRequest({ group: 4, command: 43, payload: Buffer.alloc(300) }),
  buildRequest({ group: 4, command: 43, payload: getPayload(Buffer.alloc(16)) }),
]);

/** What a request comes to, without what is random or timed. */
function summary(replies: readonly Buffer[]): string[] {
  return replies.map((reply) =>
    reply.length >= 48 && reply[16] === 4 ? reply.subarray(0, 4).toString('hex') : masked(reply),
  );
}

describe('framer', () => {
  it('gives the same replies wherever one cut falls', () => {
    const exchange = new Exchange(openStore(makeNode([coin])));
    const whole = summary(exchange.send(stream));
    expect(whole).toHaveLength(8);
    expect(whole.map((reply) => Number.parseInt(reply.slice(4, 6), 16))).toEqual([
      250, 250, 250, 250, 250, 250, 16, 194,
    ]);
    for (let cut = 1; cut < stream.length; cut += 1) {
      const replies = summary(exchange.send(stream.subarray(0, cut), stream.subarray(cut)));
      expect(replies, `cut at ${cut}`).toEqual(whole);
    }
  });

  it('gives the same requests in any pieces', () => {
    const exchange = new Exchange(openStore(makeNode([coin])));
    const describeFrames = (pieces: Buffer[]) =>
      exchange
        .frames(...pieces)
        .map(({ header, body, endsOnly }) => [
          header.command,
          header.bodySize,
          viewOf(header.nonce).toString('hex'),
          viewOf(body).toString('hex'),
          endsOnly,
        ]);
    const whole = describeFrames([stream]);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 80 }), { minLength: 1, maxLength: 400 }), (sizes) => {
        const pieces: Buffer[] = [];
        let position = 0;
        for (const size of sizes) {
          pieces.push(stream.subarray(position, position + size));
          position += size;
        }
        pieces.push(stream.subarray(position));
        expect(describeFrames(pieces)).toEqual(whole);
      }),
      { numRuns: 200 },
    );
  });

  it('holds no more memory than was sent, and only the ends of a body that nobody reads', () => {
    const exchange = new Exchange(openStore(makeNode()));
    const announced = Buffer.alloc(65_032, buildRequest({ group: 4, command: 41, body: Buffer.alloc(65_000) }));
    const [frame] = exchange.frames(announced);
    expect(frame?.body.size).toBe(18);
    expect(frame?.header.bodySize).toBe(65_000);
    for (const held of [frame?.body, frame?.header.nonce]) expect(held?.buffer.buffer).not.toBe(announced.buffer);
  });

  it('holds nothing of what was read around a request without a body', () => {
    const exchange = new Exchange(openStore(makeNode()));
    const empty = buildRequest({ group: 0, command: 0, body: Buffer.alloc(0) });
    const read = Buffer.alloc(2 * empty.length, empty);
    const frames = exchange.frames(read);
    expect(frames.map(({ body }) => body.size)).toEqual([0, 0]);
    for (const { header } of frames) expect(header.nonce.buffer.buffer).not.toBe(read.buffer);
  });

  it('holds nothing of what was read around a request whose body comes in pieces', () => {
    const exchange = new Exchange(openStore(makeNode()));
    const echo = buildRequest({ group: 0, command: 0 });
    const read = Buffer.alloc(1_000 * echo.length + 40, echo);
    const frames = exchange.frames(read, echo.subarray(40));
    const last = frames.at(-1);
    expect(frames).toHaveLength(1_001);
    expect(last && viewOf(last.body)).toEqual(echo.subarray(32));
    for (const held of [last?.body, last?.header.nonce]) expect(held?.buffer.buffer).not.toBe(read.buffer);
    expect(frames[0]?.body.buffer.buffer).toBe(read.buffer);
  });

  it('reads nothing after a refused header (RP-6)', () => {
    const exchange = new Exchange(openStore(makeNode()));
    const wrong = buildRequest({ group: 0, command: 0, version: 9 });
    expect(exchange.frames(Buffer.concat([wrong, stream]))).toHaveLength(1);
  });
});
