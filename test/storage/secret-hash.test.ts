import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { hashOf } from '../../src/storage/secret-hash.ts';

/** What keeps clients from choosing keys that all fall together. */
it.each([16, 34, 39])('keys of %i bytes that differ in a bit or two are spread, and all bytes count', (size) => {
  const keys = Array.from({ length: size * 8 }, (_, bit) => {
    const key = Buffer.alloc(size);
    key[bit >> 3] = 1 << (bit & 7);
    return key;
  });
  const upper = new Set(keys.map((key) => hashOf(key) >>> 15));
  expect(upper.size).toBeGreaterThan(keys.length * 0.78);
});

it('a key that is too long is refused, for its end would not count', () => {
  expect(() => hashOf(Buffer.alloc(65))).toThrow(RangeError);
});

it('a part of a buffer counts as it would alone', () => {
  const bytes = randomBytes(64);
  for (const [start, end] of [
    [0, 16],
    [1, 17],
    [3, 38],
    [64, 64],
  ] as const) {
    expect(hashOf(bytes, start, end)).toBe(hashOf(Buffer.from(bytes.subarray(start, end))));
  }
  expect(() => hashOf(Buffer.alloc(80), 0, 65)).toThrow(RangeError);
});
