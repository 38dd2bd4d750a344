import { createCipheriv } from 'node:crypto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { sliceOf, viewOf } from '../../src/bytes/slice.ts';
import { Keystreams, type Text } from '../../src/protocol/keystreams.ts';

/** What keystreams of many texts say, made together or alone, against the library's counter mode. */
const keys = [Buffer.alloc(16, 1), Buffer.alloc(32, 2), Buffer.alloc(16, 3)];
const bytes = (size: number) => fc.uint8Array({ minLength: size, maxLength: size }).map((given) => Buffer.from(given));
const text = fc.record({
  key: fc.constantFrom(...keys),
  nonce: fc.oneof(bytes(8), bytes(24), fc.constant(Buffer.alloc(16, 0xff))).map(sliceOf),
  size: fc.oneof(fc.nat(300), fc.constantFrom(0, 16, 21, 37, 256, 257)),
});
type KeyedText = Text & { readonly key: Buffer };

function byLibrary({ key, nonce, size }: KeyedText): Buffer {
  const counterBlock = Buffer.concat([viewOf(nonce), Buffer.alloc(16)]).subarray(0, 16);
  const name = key.length === 16 ? 'aes-128-ctr' : 'aes-256-ctr';
  return createCipheriv(name, key, counterBlock).update(Buffer.alloc(size));
}

/** As its users ask: for the texts that follow under the same key as well. */
function keystreamOf(keystreams: Keystreams, texts: readonly KeyedText[], index: number): Buffer | undefined {
  const key = texts[index]?.key ?? keys[0] ?? Buffer.alloc(0);
  if (!keystreams.has(index, key)) {
    keystreams.make(index, key, (other) => (texts[other]?.key === key ? texts[other] : undefined));
  }
  const found = keystreams.of(index);
  return found?.blocks.bytes.subarray(found.first * 16, (found.first + found.count) * 16);
}

it.each([1, 4])('are those of counter mode, each text asked for %i times and then all in another order', (times) => {
  fc.assert(
    fc.property(fc.array(text, { maxLength: 70 }), (texts) => {
      const keystreams = new Keystreams();
      const forwards = texts.flatMap((_, index) => Array.from({ length: times }, () => index));
      for (const index of [...forwards, ...forwards.toReversed()]) {
        const each = texts[index];
        if (each === undefined) continue;
        const found = keystreamOf(keystreams, texts, index);
        if (each.size === 0 || each.size > 256) expect(found).toBeUndefined();
        else expect(found?.subarray(0, each.size)).toEqual(byLibrary(each));
      }
    }),
    { numRuns: 300 },
  );
});

it('of texts that were forgotten, or that stand under another key, are made anew', () => {
  const [one, other] = [Buffer.alloc(16, 8), Buffer.alloc(16, 9)];
  const keystreams = new Keystreams();
  const texts = [Buffer.alloc(8, 1), Buffer.alloc(8, 2)].map((nonce) => ({
    nonce: sliceOf(nonce),
    size: 16,
    key: one,
  }));
  const before = [0, 1].map((index) => keystreamOf(keystreams, texts, index));
  expect(keystreams.has(1, other)).toBe(false);
  expect(
    keystreamOf(
      keystreams,
      texts.map((each) => ({ ...each, key: other })),
      1,
    ),
  ).not.toEqual(before[1]);
  keystreams.clear();
  expect([keystreams.has(0, one), keystreams.has(0, other)]).toEqual([false, false]);
});

it('are not taken for made where telling of a text has failed', () => {
  const [one, other] = [Buffer.alloc(16, 8), Buffer.alloc(16, 9)];
  const keystreams = new Keystreams();
  keystreams.make(0, one, (index) => (index < 3 ? { nonce: sliceOf(Buffer.alloc(8, index)), size: 16 } : undefined));
  const broken = () => {
    throw new Error('no randomness');
  };
  expect(() => keystreams.make(0, other, broken)).toThrow('no randomness');
  expect([keystreams.has(0, one), keystreams.has(0, other)]).toEqual([false, false]);
});

it('of a text that nobody told of are undefined, whatever was made before', () => {
  const key = Buffer.alloc(16, 8);
  const keystreams = new Keystreams();
  keystreams.make(0, key, (index) => (index < 3 ? { nonce: sliceOf(Buffer.alloc(8, index)), size: 16 } : undefined));
  keystreams.make(7, key, () => undefined);
  expect([keystreams.has(7, key), keystreams.of(7), keystreams.of(6)]).toEqual([false, undefined, undefined]);
});
