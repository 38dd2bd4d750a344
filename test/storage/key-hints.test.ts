import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Database } from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { KeyHints, type KeyProgress, noKey, notKnown } from '../../src/storage/key-hints.ts';
import { hashOf } from '../../src/storage/secret-hash.ts';
import { Store } from '../../src/storage/store.ts';
import { makeNode, openBeside } from '../support/harness.ts';

/** A hint may be wrong, and there may be one where there is no key; never none where there is one. */
const idOf = (number: number) => {
  const id = Buffer.alloc(16, 0x3c);
  id.writeUInt32BE(number, 6);
  return id;
};
const keys = 500;
const coin = { denomination: 1, serialNumber: 300 };

/** Keys under `idOf(1)` and so on: their ids count as their numbers do. */
function nodeWithKeys(count = keys, indexed = count): string {
  const directory = makeNode();
  const store = Store.open(directory);
  const post = (from: number, to: number) =>
    store.write(({ chatKeys }) => {
      for (let number = from; number <= to; number += 1) chatKeys.put(idOf(number), { coin, key: Buffer.alloc(1) }, 1);
    });
  post(1, indexed);
  while (store.indexes.lag() > 0) store.indexes.follow(4_096);
  if (count > indexed) post(indexed + 1, count);
  store.close();
  return directory;
}

const small = { table: 64, together: 2 ** 17 };

function hintsOf(database: Database, progress: Partial<Record<keyof KeyProgress, number>> = {}): KeyHints {
  const { newest = keys, indexedThrough = newest } = progress;
  return new KeyHints(database, { newest: () => newest, indexedThrough: () => indexedThrough }, small);
}

/** Hints that know all of some keys, and what adds others: an id under the next number, which it returns. */
function growingHints(): { hints: KeyHints; add: (idAt: (number: number) => Buffer) => number } {
  let newest = keys;
  const progress = { newest: () => newest, indexedThrough: () => keys };
  const hints = new KeyHints(openBeside(nodeWithKeys()), progress, small);
  while (hints.readOn(100));
  const add = (idAt: (number: number) => Buffer) => {
    newest += 1;
    hints.add(hashOf(idAt(newest)), newest);
    return newest;
  };
  return { hints, add };
}

/** Of so many ids of keys, hints are right but for few; of strangers, nearly all are known to have none. */
function expectToldApart(hints: KeyHints, held: number): void {
  let wrong = 0;
  for (let number = 1; number <= held; number += 1) {
    const likely = hints.likelyNumberOf(hashOf(idOf(number)));
    if (likely === noKey || likely === notKnown) expect.unreachable(`key ${number} is said to be none`);
    if (likely !== number) wrong += 1;
  }
  expect(wrong).toBeLessThanOrEqual(held * 0.06);
  const strangers = Array.from({ length: 10_000 }, () => hints.likelyNumberOf(hashOf(randomBytes(16))));
  expect(strangers.filter((likely) => likely !== noKey).length).toBeLessThan(1_000);
}

/** Writes another first byte over an id wherever it stands in the file. */
function damage(directory: string, id: Buffer, firstByte: number): void {
  const file = join(directory, 'node.db');
  const bytes = readFileSync(file);
  for (let place = bytes.indexOf(id); place >= 0; place = bytes.indexOf(id, place + 1)) bytes[place] = firstByte;
  writeFileSync(file, bytes);
}

/** In their order still, and of the same size together. */
const lengths = `UPDATE key_numbers SET key_id = key_id || x'00' WHERE number = 250;
  UPDATE key_numbers SET key_id = substr(key_id, 1, 15) WHERE number = 251`;

describe('hints to keys', () => {
  it.each([1, 2, 3, 64, 499, 500, 501, 5_000])('know every id of the index, read %i at a time', (size) => {
    const hints = hintsOf(openBeside(nodeWithKeys()));
    expect(hints.likelyNumberOf(hashOf(randomBytes(16))), 'nothing is known yet').toBe(notKnown);
    hints.readOn(size);
    hints.add(hashOf(idOf(keys + 1)), keys + 1);
    while (hints.readOn(size));
    expectToldApart(hints, keys + 1);
  });

  it.each([2, 7, 100, 5_000])('know the keys that the index lacks, read %i at a time', (size) => {
    const hints = hintsOf(openBeside(nodeWithKeys(keys, 300)), { indexedThrough: 300 });
    while (hints.readOn(size));
    expectToldApart(hints, keys);
  });

  it('make room for later ones, and know them at once', () => {
    const { hints, add } = growingHints();
    while (add(idOf) < 50_000);
    for (let number = 1; number <= 50_000; number += 1) {
      if (hints.likelyNumberOf(hashOf(idOf(number))) <= noKey) expect.unreachable(`key ${number} is not known`);
    }
    expectToldApart(hints, keys);
  });

  it('begin anew where most of those that they know have gone', () => {
    const { hints, add } = growingHints();
    let begun = 0;
    while (add(() => randomBytes(16)) < 20_000) {
      if (!hints.readOn(100)) continue;
      begun += 1;
      expect(hints.likelyNumberOf(hashOf(idOf(1)))).toBe(notKnown);
      while (hints.readOn(100));
      expectToldApart(hints, keys);
    }
    expect(begun).toBeGreaterThan(5);
  });

  it('know every key where there are more than a first look made out', () => {
    const database = openBeside(nodeWithKeys(2_000));
    // Hardly one of them is where it is looked: a table for few has to be followed by others.
    database.exec(`WITH RECURSIVE more(number) AS (SELECT 300000 UNION ALL SELECT number + 1 FROM more WHERE number < 350000)
      INSERT INTO key_numbers (partition, key_id, number)
      SELECT 0, unhex(format('3c3c3c3c3c3c3c3c%016x', number)), number FROM more`);
    const hints = hintsOf(database, { newest: 350_000 });
    while (hints.readOn(5_000));
    expectToldApart(hints, 2_000);
    const id = Buffer.alloc(16, 0x3c);
    for (let number = 300_000; number <= 350_000; number += 11) {
      id.writeBigUInt64BE(BigInt(number), 8);
      expect(hints.likelyNumberOf(hashOf(id))).toBeGreaterThan(noKey);
    }
    expect(hints.readOn(5_000), 'it does not begin anew').toBe(false);
  });

  it('deny no key where the room ends at any of them', () => {
    const database = openBeside(nodeWithKeys(2_000, 1_000));
    const progress = { newest: () => 350_000, indexedThrough: () => 1_000 };
    let silent = 0;
    for (let together = 16; together < 4_000; together += 61) {
      for (const size of [170, 1_001, 5_000]) {
        const hints = new KeyHints(database, progress, { table: 16, together });
        while (hints.readOn(size));
        if (hints.likelyNumberOf(hashOf(idOf(1))) === notKnown) silent += 1;
        for (let number = 1; number <= 2_000; number += 37) {
          expect(hints.likelyNumberOf(hashOf(idOf(number)))).not.toBe(noKey);
        }
      }
    }
    expect(silent).toBeGreaterThan(50);
  });

  it('take little room where most numbers have no key any more', () => {
    const database = openBeside(nodeWithKeys());
    database.exec(
      `UPDATE chat_keys SET number = number + 200000000;
       UPDATE key_numbers SET number = number + 200000000, partition = (number + 200000000) >> 20`,
    );
    const hints = hintsOf(database, { newest: 200_000_500 });
    while (hints.readOn(100));
    for (let number = 1; number <= keys; number += 1) {
      expect(hints.likelyNumberOf(hashOf(idOf(number)))).toBeGreaterThan(200_000_000);
    }
  });

  it.each([1, 50, 499, 500])('say nothing where %i keys are too many, read or added', (most) => {
    let newest = keys;
    const progress = { newest: () => newest, indexedThrough: () => keys };
    const silent = (hints: KeyHints) => expect(hints.likelyNumberOf(hashOf(idOf(1)))).toBe(notKnown);
    for (const size of [2, 50, 1_000]) {
      const hints = new KeyHints(openBeside(nodeWithKeys()), progress, { table: 16, together: most });
      while (hints.readOn(size)) silent(hints);
      silent(hints);
      newest += 1;
      hints.add(hashOf(idOf(newest)), newest);
      silent(hints);
    }
    const hints = new KeyHints(openBeside(nodeWithKeys()), progress, { table: 16, together: 1_000 + most });
    while (hints.readOn(100));
    expect(hints.likelyNumberOf(hashOf(idOf(1)))).toBeGreaterThan(noKey);
    for (let added = 0; added < 2_000; added += 1) {
      newest += 1;
      hints.add(hashOf(randomBytes(16)), newest);
      expect(hints.likelyNumberOf(hashOf(idOf(1)))).not.toBe(noKey);
    }
    silent(hints);
    expect(hints.readOn(100)).toBe(false);
  });

  it('say nothing where numbers are too large', () => {
    const hints = hintsOf(openBeside(nodeWithKeys()), { newest: 2 ** 28 });
    expect(hints.readOn(100)).toBe(false);
    expect(hints.likelyNumberOf(hashOf(idOf(1)))).toBe(notKnown);
  });

  it('say nothing where keys cannot be read, and stop reading', () => {
    const database = openBeside(nodeWithKeys());
    const hints = hintsOf(database);
    hints.readOn(100);
    database.exec('ALTER TABLE key_numbers RENAME TO elsewhere');
    expect(() => hints.readOn(100)).toThrow('no such table');
    expect(hints.readOn(100)).toBe(false);
    expect(hints.likelyNumberOf(hashOf(idOf(1)))).toBe(notKnown);
  });

  it.each([
    ['a larger', 0xff],
    ['a smaller', 0x00],
  ])('lose no other id where one in the index was changed to %s one', (_, firstByte) => {
    for (const number of [1, 2, 150, 251, 499, 500]) {
      const directory = nodeWithKeys();
      damage(directory, idOf(number), firstByte);
      const beside = openBeside(directory);
      const found = beside
        .prepare<[Buffer], number>('SELECT number FROM key_numbers WHERE partition = 0 AND key_id = ?')
        .pluck();
      const there = Array.from({ length: keys }, (_each, each) => idOf(each + 1)).filter(
        (id) => found.get(id) !== undefined,
      );
      for (const size of [2, 7, 64, 250, 1_000]) {
        const hints = hintsOf(beside);
        while (hints.readOn(size));
        expect(there.filter((id) => hints.likelyNumberOf(hashOf(id)) === noKey)).toEqual([]);
      }
    }
  });

  it.each([
    ['an id has lost its size', "UPDATE key_numbers SET key_id = x'3c01' WHERE number = 250"],
    ['one id is longer, and the next shorter', lengths],
    ['a number is none', "UPDATE key_numbers SET number = 'none' WHERE number = 250"],
    ['a number cannot be one', 'UPDATE key_numbers SET number = 0 WHERE number = 250'],
    [
      'a number is beyond all others',
      'UPDATE key_numbers SET number = 5000000000, partition = 5000000000 >> 20 WHERE number = 250',
    ],
    ['a partition is another', 'UPDATE key_numbers SET partition = 1 WHERE number = 250'],
  ])('say nothing where in the index %s', (_, change) => {
    const beside = openBeside(nodeWithKeys());
    beside.exec(change);
    const hints = hintsOf(beside);
    while (hints.readOn(64));
    hints.add(hashOf(idOf(keys + 1)), keys + 1);
    expect(hints.likelyNumberOf(hashOf(randomBytes(16)))).toBe(notKnown);
    expect(hints.readOn(64)).toBe(false);
  });

  it('say nothing where a number is of another partition than those around it', () => {
    const beside = openBeside(nodeWithKeys());
    beside.exec('UPDATE key_numbers SET number = number + 1048576, partition = 1 WHERE number > 250');
    const learnt = () => {
      const hints = hintsOf(beside, { newest: 2 ** 21 });
      while (hints.readOn(64));
      return hints;
    };
    expect(learnt().hintsFor(hashOf(idOf(1)))).toContainEqual(expect.objectContaining({ number: 1 }));
    beside.exec('UPDATE key_numbers SET number = 250 WHERE number = 1048576 + 300');
    expect(learnt().likelyNumberOf(hashOf(idOf(1)))).toBe(notKnown);
  });

  it('say nothing where an id that the index lacks has lost its size', () => {
    const beside = openBeside(nodeWithKeys(keys, 300));
    beside.pragma('ignore_check_constraints = ON');
    beside.exec(lengths.replaceAll('key_numbers', 'chat_keys').replaceAll('25', '35'));
    const hints = hintsOf(beside, { indexedThrough: 300 });
    while (hints.readOn(64));
    expect(hints.likelyNumberOf(hashOf(randomBytes(16)))).toBe(notKnown);
  });
});
