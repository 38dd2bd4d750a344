import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { sumOf } from '../../src/storage/filtered-map.ts';
import { KeyFilter } from '../../src/storage/key-filter.ts';
import { makeNode, openBeside, openStore } from '../support/harness.ts';

/** A filter may say that an id is there which is not, never the reverse. */
const idOf = (number: number) => {
  const id = Buffer.alloc(16, 0x3c);
  id.writeUInt32BE(number, 6);
  return id;
};

function isToldApart(filter: KeyFilter, held: number): void {
  for (let number = 0; number < held; number += 1) expect(filter.mayHold(sumOf(idOf(number)))).toBe(true);
  const strangers = Array.from({ length: 10_000 }, () => filter.mayHold(sumOf(randomBytes(16))));
  expect(strangers.filter((mayHold) => mayHold).length).toBeLessThan(3_000);
}

describe('a filter of key ids', () => {
  it('holds every id that the index had, and every later one, however many come', () => {
    const directory = makeNode();
    const store = openStore(directory);
    const coin = { denomination: 1, serialNumber: 300 };
    store.write(({ chatKeys }) => {
      for (let number = 0; number < 500; number += 1) chatKeys.put(idOf(number), { coin, key: Buffer.alloc(1) }, 1);
    });
    while (store.indexes.lag() > 0) store.indexes.follow(100);
    const filter = new KeyFilter(openBeside(directory), 500);
    expect(filter.mayHold(sumOf(randomBytes(16))), 'nothing is known yet').toBe(true);
    filter.add(sumOf(idOf(500)));
    while (filter.readOn(64));
    isToldApart(filter, 501);
    for (let number = 501; number < 300_000; number += 1) filter.add(sumOf(idOf(number)));
    isToldApart(filter, 300_000);
  });

  it('says nothing where an id in the index is damaged', () => {
    const directory = makeNode();
    const store = openStore(directory);
    store.write(({ chatKeys }) =>
      chatKeys.put(idOf(1), { coin: { denomination: 1, serialNumber: 1 }, key: Buffer.alloc(1) }, 1),
    );
    while (store.indexes.lag() > 0) store.indexes.follow(100);
    const beside = openBeside(directory);
    beside.exec("UPDATE key_numbers SET key_id = x'01'");
    const filter = new KeyFilter(beside, 1);
    while (filter.readOn(64));
    expect(filter.mayHold(sumOf(randomBytes(16)))).toBe(true);
  });
});
