import fc from 'fast-check';
import { expect, it } from 'vitest';
import { copyBytes, copyCharacters } from '../../src/bytes/copy.ts';

/** Short and long runs, whole buffers and parts of them are copied in different ways, with one result. */
it('copies any run of bytes to any place, and changes no other', () => {
  const bytes = fc.uint8Array({ minLength: 0, maxLength: 200 }).map((values) => Buffer.from(values));
  fc.assert(
    fc.property(bytes, fc.nat(60), fc.nat(60), fc.nat(60), (run, before, behind, toStart) => {
      const from = Buffer.concat([Buffer.alloc(before, 1), run, Buffer.alloc(behind, 2)]);
      const to = Buffer.alloc(300, 3);
      copyBytes(from, before, to, toStart, run.length);
      const expected = Buffer.concat([Buffer.alloc(toStart, 3), run, Buffer.alloc(300 - toStart - run.length, 3)]);
      expect(to).toEqual(expected);
    }),
    { numRuns: 2_000 },
  );
});

it('writes characters as bytes, as many as it is told to, and changes no other', () => {
  const text = fc.uint8Array({ minLength: 1, maxLength: 64 }).map((values) => Buffer.from(values).toString('latin1'));
  fc.assert(
    fc.property(text, fc.nat(64), fc.nat(60), (from, most, toStart) => {
      const size = Math.min(most, from.length);
      const to = Buffer.alloc(200, 3);
      copyCharacters(from, to, toStart, size);
      const written = Buffer.from(from, 'latin1').subarray(0, size);
      expect(to).toEqual(Buffer.concat([Buffer.alloc(toStart, 3), written, Buffer.alloc(200 - toStart - size, 3)]));
    }),
  );
});
