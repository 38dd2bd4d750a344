import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { JsonDigest } from '../../src/storage/json-digest.ts';

/** The digest of what JSON.stringify writes. One text after the other, as the log has them: nothing of one shows in the next. */
const digest = new JsonDigest();
const value = fc.oneof(
  fc.constant(null),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.constantFrom(0, -0, 9, 10, 99_999, 100_000, 2 ** 31, 2 ** 32 - 1, 2 ** 53 - 1, -(2 ** 53 - 1), 2 ** 60, 1.5),
  fc.string(),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom('get-key', '"', '\\', '\u0000', '~', '\u007f', '\ud800', 'x'.repeat(3_000), 'ä'.repeat(3_000)),
  fc.uint8Array({ maxLength: 700 }).map((bytes) => Buffer.from(bytes)),
);

it('is that of the text that JSON.stringify writes', () => {
  fc.assert(
    fc.property(fc.array(value, { maxLength: 20 }), (values) => {
      digest.begin();
      digest.mark('[');
      for (const [place, each] of values.entries()) {
        if (place > 0) digest.mark(',');
        digest.value(each);
      }
      digest.mark(']');
      const text = JSON.stringify(values.map((each) => (Buffer.isBuffer(each) ? each.toString('hex') : each)));
      expect(digest.finish()).toBe(createHash('sha256').update(text).digest('hex'));
    }),
    { numRuns: 2_000 },
  );
});

it('knows nothing of a text that was left unfinished', () => {
  digest.begin();
  digest.value('left');
  digest.begin();
  digest.value(1);
  expect(digest.finish()).toBe(createHash('sha256').update('1').digest('hex'));
});
