import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { viewOf } from '../../src/bytes/slice.ts';
import { Registry } from '../../src/commands/registry.ts';
import { BodyMemory, bodyPieceSize } from '../../src/protocol/body-memory.ts';
import { type Frame, Framer } from '../../src/protocol/framer.ts';
import { framerRules } from '../../src/server/framer-rules.ts';
import { buildRequest, type WireCoin } from '../support/wire.ts';

/** Memory of large bodies is used again: nobody's body is ever another's. */
const coin: WireCoin = { denomination: 2, serialNumber: 77, secret: Buffer.alloc(16, 5) };
const rules = framerRules(new Registry(), 14, 6);

/** Overwrites what it gets back, and counts what it hands out. */
class SpoiledMemory extends BodyMemory {
  taken = 0;
  readonly pieces = new Set<Buffer>();

  override take(): Buffer {
    this.taken += 1;
    const piece = super.take();
    this.pieces.add(piece);
    return piece;
  }

  override giveBack(memory: Buffer): void {
    memory.fill(0xee);
    super.giveBack(memory);
  }
}

/** Cuts bytes into pieces of these sizes, one after the other and again from the first. */
function* cut(bytes: Buffer, sizes: readonly number[]): Generator<Buffer> {
  for (let position = 0, turn = 0; position < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    yield bytes.subarray(position, position + size);
    position += size;
  }
}

const large = (size: number, fill: number) =>
  buildRequest({ group: 4, command: 43, type: 4, coins: [coin], body: Buffer.alloc(size, fill) });

describe('memory for large bodies', () => {
  it('holds each body until its request is answered, for several connections in any pieces', () => {
    const request = fc.record({ size: fc.integer({ min: 1, max: 65_535 }), fill: fc.nat(200) });
    const connection = fc.record({
      requests: fc.array(request, { minLength: 1, maxLength: 4 }),
      sizes: fc.array(fc.integer({ min: 400, max: 40_000 }), { minLength: 1, maxLength: 5 }),
    });
    const memory = new SpoiledMemory();
    fc.assert(
      fc.property(
        fc.array(connection, { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 5 }),
        (all, patience) => {
          const waiting: { frame: Frame; body: Buffer }[] = [];
          const answer = () => {
            for (const { frame, body } of waiting) expect(viewOf(frame.body).equals(body)).toBe(true);
            for (const { frame } of waiting.splice(0)) if (frame.memory !== undefined) memory.giveBack(frame.memory);
          };
          const streams = all.map(({ requests, sizes }) => {
            const expected = requests.map(({ size, fill }) => Buffer.alloc(size, fill));
            const bytes = Buffer.concat(requests.map(({ size, fill }) => large(size, fill)));
            return { framer: new Framer(rules, memory), pieces: cut(bytes, sizes), expected };
          });
          for (let turn = 0; streams.some(({ expected }) => expected.length > 0); turn += 1) {
            for (const { framer, pieces, expected } of streams) {
              const { value: piece } = pieces.next();
              if (piece !== undefined)
                framer.push(piece, (frame) => waiting.push({ frame, body: expected.shift() ?? Buffer.alloc(0) }));
            }
            if (turn % patience === 0) answer();
          }
          answer();
        },
      ),
      { numRuns: 60 },
    );
    expect(memory.taken).toBeGreaterThan(memory.pieces.size);
  });

  it('is taken when a quarter of its size was sent, and given back by a connection that is gone', () => {
    const memory = new SpoiledMemory();
    const framer = new Framer(rules, memory);
    const bytes = large(60_000, 7);
    framer.push(bytes.subarray(0, 10_000), () => undefined);
    expect([memory.taken, framer.unparsedSize <= 40_000]).toEqual([0, true]);
    framer.push(bytes.subarray(10_000, 50_000), () => undefined);
    expect([memory.taken, framer.unparsedSize]).toEqual([1, bodyPieceSize]);
    const [piece] = memory.pieces;
    framer.drop();
    framer.drop();
    expect(memory.take()).toBe(piece);
    expect(memory.take()).not.toBe(piece);
  });

  it('is kept in pieces of one size, and not without end', () => {
    const memory = new BodyMemory();
    const foreign = Buffer.alloc(40_000);
    memory.giveBack(foreign);
    expect(memory.take()).not.toBe(foreign);
    const pieces = Array.from({ length: 100 }, () => memory.take());
    for (const piece of pieces) memory.giveBack(piece);
    const again = Array.from({ length: 100 }, () => memory.take());
    expect(again.filter((piece) => pieces.includes(piece))).toHaveLength(64);
    expect(new Set(again).size).toBe(100);
  });
});
