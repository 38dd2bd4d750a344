import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { crc32OfFew, crc32OfText, crc32OfXor } from '../../src/bytes/crc32.ts';

/** The sum that challenges carry, made without the library, against the library. */
it('agrees with the library over any part of any bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), fc.nat(100), (each, one, other) => {
      const bytes = Buffer.from(each);
      const [start = 0, end = 0] = [one, other].map((at) => Math.min(at, bytes.length)).sort((a, b) => a - b);
      // The library starts over at an empty buffer that has no memory.
      const wanted = start === end ? 0 : crc32(bytes.subarray(start, end));
      expect(crc32OfFew(bytes, start, end)).toBe(wanted);
    }),
  );
});

it('is that of a XOR without the XOR, wherever both its parts stand', () => {
  const part = fc.uint8Array({ minLength: 40, maxLength: 40 }).map((each) => Buffer.from(each));
  fc.assert(
    fc.property(part, part, fc.nat(20), fc.nat(20), fc.nat(20), (one, other, oneStart, otherStart, size) => {
      const both = Buffer.alloc(size);
      for (let at = 0; at < size; at += 1) both[at] = (one[oneStart + at] ?? 0) ^ (other[otherStart + at] ?? 0);
      expect(crc32OfXor(one, oneStart, other, otherStart, size)).toBe(crc32OfFew(both, 0, size));
    }),
  );
});

it('goes on from the sum of what came before, bytes and texts alike', () => {
  const text = fc.oneof(fc.string({ maxLength: 20 }), fc.string({ unit: 'binary', maxLength: 20 }));
  const part = fc.oneof(
    text,
    fc.uint8Array({ maxLength: 40 }).map((each) => Buffer.from(each)),
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
      const sum = (each: Buffer | string, before: number) =>
        typeof each === 'string' ? crc32OfText(each, before) : crc32OfFew(each, 0, each.length, before);
      const whole = Buffer.concat(parts.map((each) => Buffer.from(each as string)));
      const wanted = whole.length === 0 ? 0 : crc32(whole);
      expect(parts.reduce((before, each) => sum(each, before), 0)).toBe(wanted);
    }),
  );
});
