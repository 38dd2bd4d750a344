import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HintTable, noHint } from '../../src/storage/hint-table.ts';

/** Whoever was added is found, or another one of the same tag, however many fall together. */
const capacity = 48;
const hashes = fc.oneof(
  fc.integer({ min: 0, max: 0xffff_ffff }),
  fc.constantFrom(0, 1, 0xff, 0xffff_ffff, 0xffff_fffe, 0x8000_0000),
);

describe('a table of hints', () => {
  it.each([
    [100, 7],
    [2 ** 24 - 1, 24],
    [2 ** 24, 25],
    [2 ** 28 - 1, 28],
  ])('finds whoever was added, with numbers up to %i', (numberMax, numberBits) => {
    const entries = fc.array(fc.record({ hash: hashes, number: fc.integer({ min: 1, max: numberMax }) }), {
      maxLength: 60,
    });
    const tagOf = (hash: number) => hash % 2 ** (32 - numberBits);
    fc.assert(
      fc.property(entries, hashes, (tried, stranger) => {
        const table = new HintTable(capacity, numberMax);
        const added = tried.filter(({ hash, number }) => table.add(hash, number));
        for (const { hash, number } of added) {
          const found = table.find(hash);
          if (found === number) continue;
          expect(added.some((each) => each.number === found && tagOf(each.hash) === tagOf(hash))).toBe(true);
        }
        const found = table.find(stranger);
        const alike = added.filter(({ hash }) => tagOf(hash) === tagOf(stranger)).map(({ number }) => number);
        expect([noHint, ...alike]).toContain(found);
      }),
    );
  });

  it('names everyone that it could have found, and none without a reason', () => {
    const entries = fc.array(fc.record({ hash: hashes, number: fc.integer({ min: 1, max: 2 ** 28 - 1 }) }), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(entries, hashes, (tried, stranger) => {
        const table = new HintTable(capacity, 2 ** 28 - 1);
        const added = tried.filter(({ hash, number }) => table.add(hash, number));
        for (const hash of [stranger, ...added.map((each) => each.hash)]) {
          const alike = added.filter((each) => table.areAlike(hash, each.hash)).map(({ number }) => number);
          expect(new Set(table.findAll(hash))).toEqual(new Set(alike));
          expect(alike.length === 0 ? [noHint] : alike).toContain(table.find(hash));
        }
      }),
    );
  });

  it('holds who is added twice once, and refuses who is too large', () => {
    const table = new HintTable(capacity, 1_000);
    expect([table.add(5, 1_000), table.add(5, 1_000), table.held]).toEqual([true, true, 1]);
    expect([table.add(6, 1_024), table.held, table.find(6)]).toEqual([false, 1, noHint]);
  });

  it('is full when eight and one have the same hash, and has lost none of them', () => {
    const table = new HintTable(capacity, 1_000);
    const added = Array.from({ length: 20 }, (_, index) => index + 1).filter((number) => table.add(77, number));
    expect(added).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(added).toContain(table.find(77));
    expect(table.add(0xf000_0000, 1)).toBe(false);
  });

  it('loses nobody when it is full', () => {
    for (let turn = 0; turn < 300; turn += 1) {
      const table = new HintTable(capacity, 1_000);
      // So many that two buckets cannot take them, whose places others have.
      const many = [
        ...new Uint32Array(randomBytes(400).buffer.slice(0, 160)),
        ...Array.from({ length: 12 }, () => turn),
      ];
      const added = many.filter((hash, index) => table.add(hash, index + 1));
      expect(added.filter((hash) => table.find(hash) === noHint)).toEqual([]);
    }
  });

  it('is filled to nine tenths, and finds all of them', () => {
    const table = new HintTable(100_000, 2 ** 24 - 1);
    const many = [...new Set(new Uint32Array(randomBytes(400_000).buffer))];
    const added = many.filter((hash, index) => table.add(hash, index + 1));
    expect(added).toHaveLength(90_000);
    const right = added.filter((hash, index) => table.find(hash) === index + 1);
    expect(right.length).toBeGreaterThan(88_000);
    expect(added.filter((hash) => table.find(hash) === noHint)).toEqual([]);
    const strangers = many.slice(90_001).filter((hash) => table.find(hash) !== noHint);
    expect(strangers.length).toBeLessThan(10_000 * 0.06);
  });
});
