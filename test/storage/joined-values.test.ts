import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';
import SqliteDatabase from 'better-sqlite3';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JoinedValues } from '../../src/storage/joined-values.ts';

/** What SQLite joins comes apart as it was; what is broken comes apart as something, and does not throw. */
const database = new SqliteDatabase(':memory:');
const join = database
  .prepare<unknown[], string>("SELECT hex(concat(?, ';', coalesce(?, zeroblob(0)), ?, ';', ?))")
  .pluck();

/** One after the other, as a reader of rows has them: nothing of the text before must show. */
const values = new JoinedValues();

describe('joined values', () => {
  it('come apart as they were', () => {
    const integer = fc.maxSafeInteger().map(BigInt);
    // As a row with an empty key is written.
    const blob = fc.uint8Array({ maxLength: 700 }).map((each) => Buffer.from(each));
    fc.assert(
      fc.property(integer, blob, integer, blob, (first, key, second, rest) => {
        values.read(join.get(first, key, second, rest) ?? '');
        expect([values.integer(), values.blob(key.length), values.integer()].map(String)).toEqual(
          [first, key, second].map(String),
        );
        expect(values.checksumOfRest()).toBe(crc32(rest));
        expect(values.blob(rest.length + 1)).toEqual(rest);
      }),
    );
  });

  it('are told from others', () => {
    const parts = fc.uint8Array({ minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(parts, parts, parts, (first, second, other) => {
        const blobs = [first, second, other].map((each) => Buffer.from(each));
        const [one, two, three] = blobs as [Buffer, Buffer, Buffer];
        values.read(Buffer.concat([one, two]).toString('hex'));
        expect([values.isBlob(one), values.isBlob(two), values.isBlob(one)]).toEqual([true, true, false]);
        // What the text before has left behind the end of this one does not count.
        values.read(one.toString('hex'));
        expect(values.isBlob(Buffer.concat([one, two]))).toBe(false);
        values.read(two.toString('hex'));
        expect(values.isBlob(three)).toBe(two.subarray(0, three.length).equals(three));
      }),
    );
  });

  it('that are missing or broken are read to their end', () => {
    for (const broken of ['', ';;;', 'abc', '-', '1', Buffer.alloc(3, 0xff)]) {
      values.read(Buffer.from(broken).toString('hex'));
      for (let count = 0; count < 5; count += 1) values.integer();
      expect(values.blob(16)).toHaveLength(0);
      expect(values.checksumOfRest()).toBe(0);
    }
  });

  it('of broken sizes come to an end', () => {
    for (const size of [-1, -1e18, 1e18, Number.POSITIVE_INFINITY]) {
      values.read(Buffer.from('12;345;').toString('hex'));
      expect(values.integer()).toBe(12);
      const taken = values.blob(size);
      expect(taken.length + values.blob(5).length).toBe(4);
      values.integer();
      expect(values.blob(5)).toHaveLength(0);
      expect(values.isBlob(Buffer.alloc(1))).toBe(false);
    }
  });
});
