import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { KeyFilter, sumOf } from '../../src/storage/key-filter.ts';
import { Store } from '../../src/storage/store.ts';
import { makeNode, openBeside } from '../support/harness.ts';

/** A filter may say that an id is there which is not, never the reverse. */
const idOf = (number: number) => {
  const id = Buffer.alloc(16, 0x3c);
  id.writeUInt32BE(number, 6);
  return id;
};
const keys = 500;
const coin = { denomination: 1, serialNumber: 300 };

function nodeWithKeys(): string {
  const directory = makeNode();
  const store = Store.open(directory);
  store.write(({ chatKeys }) => {
    for (let number = 0; number < keys; number += 1) chatKeys.put(idOf(number), { coin, key: Buffer.alloc(1) }, 1);
  });
  while (store.indexes.lag() > 0) store.indexes.follow(100);
  store.close();
  return directory;
}

function expectToldApart(filter: KeyFilter, held: number): void {
  for (let number = 0; number < held; number += 1) expect(filter.mayHold(sumOf(idOf(number)))).toBe(true);
  const strangers = Array.from({ length: 10_000 }, () => filter.mayHold(sumOf(randomBytes(16))));
  expect(strangers.filter((mayHold) => mayHold).length).toBeLessThan(3_000);
}

/** Writes another first byte over an id wherever it stands in the file. */
function damage(directory: string, id: Buffer, firstByte: number): void {
  const file = join(directory, 'node.db');
  const bytes = readFileSync(file);
  for (let place = bytes.indexOf(id); place >= 0; place = bytes.indexOf(id, place + 1)) bytes[place] = firstByte;
  writeFileSync(file, bytes);
}

describe('a filter of key ids', () => {
  it.each([1, 2, 3, 64, 499, 500, 501, 5_000])('holds every id of the index, read %i at a time', (size) => {
    const filter = new KeyFilter(openBeside(nodeWithKeys()), keys);
    expect(filter.mayHold(sumOf(randomBytes(16))), 'nothing is known yet').toBe(true);
    filter.add(sumOf(idOf(keys)));
    while (filter.readOn(size));
    expectToldApart(filter, keys + 1);
  });

  it('holds every later one, however many come', () => {
    const filter = new KeyFilter(openBeside(nodeWithKeys()), keys);
    while (filter.readOn(100));
    const many = 1_500_000;
    for (let number = keys; number < many; number += 1) filter.add(sumOf(idOf(number)));
    for (let number = 0; number < many; number += 7) {
      if (!filter.mayHold(sumOf(idOf(number)))) expect.unreachable(`id ${number} is gone`);
    }
    expectToldApart(filter, keys);
  });

  it.each([
    ['a larger', 0xff],
    ['a smaller', 0x00],
  ])('loses no other id where one in the index was changed to %s one', (_, firstByte) => {
    for (const number of [0, 1, 149, 250, 498, 499]) {
      const directory = nodeWithKeys();
      damage(directory, idOf(number), firstByte);
      const beside = openBeside(directory);
      const found = beside.prepare<[Buffer], number>('SELECT number FROM key_numbers WHERE key_id = ?').pluck();
      const there = Array.from({ length: keys }, (_each, each) => idOf(each)).filter(
        (id) => found.get(id) !== undefined,
      );
      for (const size of [2, 7, 64, 250, 1_000]) {
        const filter = new KeyFilter(beside, keys);
        while (filter.readOn(size));
        expect(there.filter((id) => !filter.mayHold(sumOf(id)))).toEqual([]);
      }
    }
  });

  it('says nothing where an id in the index has lost its size', () => {
    const directory = nodeWithKeys();
    const beside = openBeside(directory);
    beside.exec("UPDATE key_numbers SET key_id = x'3c01' WHERE number = 250");
    const filter = new KeyFilter(beside, keys);
    while (filter.readOn(64));
    expect(filter.mayHold(sumOf(randomBytes(16)))).toBe(true);
  });
});
