import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { crc32OfFew } from '../../src/bytes/crc32.ts';

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
