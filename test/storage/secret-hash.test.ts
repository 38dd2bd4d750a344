import { randomBytes, randomInt } from 'node:crypto';
import { expect, it, vi } from 'vitest';
import { hashOf } from '../../src/storage/secret-hash.ts';

/** What keeps clients from choosing keys that all fall together. */
it.each([16, 34, 39])('keys of %i bytes that differ in a bit or two are spread, and all bytes count', (size) => {
  const keys = Array.from({ length: size * 8 }, (_, bit) => {
    const key = Buffer.alloc(size);
    key[bit >> 3] = 1 << (bit & 7);
    return key;
  });
  for (const half of [(hash: number) => hash >>> 16, (hash: number) => hash & 0xffff]) {
    expect(new Set(keys.map((key) => half(hashOf(key)))).size).toBeGreaterThan(keys.length * 0.78);
  }
});

it.each([8, 11, 13])('all bits count where clients choose 16-bit parts that end in %i zeros', (zeros) => {
  const keys = Array.from({ length: 2_000 }, () => {
    const key = Buffer.alloc(16);
    for (let part = 0; part < 16; part += 2) key.writeUInt16BE((randomInt(2 ** 16) >>> zeros) << zeros, part);
    return key.toString('hex');
  });
  const different = [...new Set(keys)].map((key) => hashOf(Buffer.from(key, 'hex')));
  expect(new Set(different.map((hash) => hash & 0xff)).size).toBeGreaterThan(200);
  expect(new Set(different).size).toBeGreaterThan(different.length * 0.99);
});

it('keys that count up are spread as others are, whatever the secrets', async () => {
  const key = Buffer.alloc(16);
  for (let secrets = 0; secrets < 200; secrets += 1) {
    vi.resetModules();
    const { hashOf: hash } = await import('../../src/storage/secret-hash.ts');
    const places = { first: new Set<number>(), second: new Set<number>(), last: new Set<number>() };
    for (let number = 0; number < 2_000; number += 1) {
      key.writeUInt32BE(number, 8);
      const sum = hash(key);
      places.first.add(sum >>> 20);
      places.second.add((sum >>> 10) & 0xfff);
      places.last.add(sum & 0xfff);
    }
    // Of 4,096 places chance has them in 1,582, give or take 15.
    for (const { size } of Object.values(places)) expect(size).toBeGreaterThan(1_450);
  }
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
