import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { crc32OfFew, crc32OfText } from '../../src/bytes/crc32.ts';

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
