import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DamagedRow } from '../../src/storage/damage.ts';
import { Store } from '../../src/storage/store.ts';
import { makeNode, openBeside } from '../support/harness.ts';

/** Keys are found by hints that may be wrong; whoever asks must not notice. */
const keys = 300;
const idOf = (number: number) => Buffer.alloc(16, `id ${number}`);
const keyOf = (number: number, turn = 0) => ({
  coin: { denomination: 1, serialNumber: number },
  key: Buffer.from(`key ${number}, ${turn}`),
});

let directory: string;
let store: Store;

beforeEach(() => {
  directory = makeNode();
  store = Store.open(directory);
  store.write(({ chatKeys }) => {
    for (let number = 1; number <= keys; number += 1) chatKeys.put(idOf(number), keyOf(number), 1);
  });
  while (store.indexes.lag() > 0) store.indexes.follow(1_000);
  store.close();
  // So that no id is in memory, and hints alone spare a look into the index.
  store = Store.open(directory);
  while (store.learnKeyIds(1_000));
});

afterEach(() => store.close());

const find = (number: number) => store.read(({ chatKeys }) => chatKeys.find(idOf(number)));

describe('a key', () => {
  it('is found without a look into the index', () => {
    openBeside(directory).exec('DELETE FROM key_numbers');
    for (let number = 1; number <= keys; number += 1) expect(find(number)).toEqual(keyOf(number));
  });

  it('is found where its hint leads to another key, or to none', () => {
    const beside = openBeside(directory);
    for (const table of ['chat_keys', 'key_numbers', 'coin_keys']) {
      beside.exec(`UPDATE ${table} SET number = -number; UPDATE ${table} SET number = ${keys + 21} + number`);
    }
    for (let number = 1; number <= keys; number += 1) expect(find(number)).toEqual(keyOf(number));
    expect(find(keys + 1)).toBeUndefined();
  });

  it('is replaced where its hint leads astray', () => {
    const beside = openBeside(directory);
    for (const table of ['chat_keys', 'key_numbers', 'coin_keys']) {
      beside.exec(`UPDATE ${table} SET number = -number; UPDATE ${table} SET number = ${keys + 1} + number`);
    }
    store.write(({ chatKeys }) => chatKeys.put(idOf(7), keyOf(7, 1), 2));
    expect(find(7)).toEqual(keyOf(7, 1));
    const count = beside.prepare<[], number>('SELECT count(*) FROM chat_keys').pluck();
    expect(count.get()).toBe(keys);
  });

  it('that was removed is gone, and one under the same id is found', () => {
    for (const turn of [1, 2, 3]) {
      store.write(({ chatKeys }) => chatKeys.remove(idOf(7)));
      expect(find(7)).toBeUndefined();
      store.write(({ chatKeys }) => chatKeys.put(idOf(7), keyOf(7, turn), 1));
      expect(find(7)).toEqual(keyOf(7, turn));
    }
    expect(find(8)).toEqual(keyOf(8));
  });

  it('of a transaction that was undone is not there, and can be posted', () => {
    const undone = new Error('undone');
    const number = keys + 1;
    const post = (turn: number) =>
      store.write(({ chatKeys }) => {
        chatKeys.put(idOf(number), keyOf(number, turn), 1);
        if (turn === 1) throw undone;
      });
    expect(() => post(1)).toThrow(undone);
    expect(find(number)).toBeUndefined();
    post(2);
    expect(find(number)).toEqual(keyOf(number, 2));
  });

  it('is not stored twice where its entry in the index leads to another key', () => {
    store.close();
    openBeside(directory).exec('UPDATE key_numbers SET number = 8 WHERE number = 7');
    store = Store.open(directory);
    while (store.learnKeyIds(1_000));
    expect(() => find(7)).toThrow(DamagedRow);
    expect(() => store.write(({ chatKeys }) => chatKeys.put(idOf(7), keyOf(7, 1), 2))).toThrow(DamagedRow);
    expect(find(8)).toEqual(keyOf(8));
  });

  it.each([0, 1])('is found where a page of others is damaged, every fourth from number %i on', (first) => {
    const many = 3_000;
    store.write(({ chatKeys }) => {
      for (let number = keys + 1; number <= many; number += 1) chatKeys.put(idOf(number), keyOf(number), 1);
    });
    while (store.indexes.lag() > 0) store.indexes.follow(1_000);
    store.close();
    // Every fourth page of keys but the last one, without which no node starts: whoever estimates looks into some of them.
    const beside = openBeside(directory);
    const pages = beside.prepare<[], number>(
      "SELECT pageno FROM dbstat WHERE name = 'chat_keys' AND pagetype = 'leaf'",
    );
    const leaves = pages.pluck().all();
    beside.close();
    const file = join(directory, 'node.db');
    const bytes = readFileSync(file);
    for (const [index, page] of leaves.slice(0, -1).entries()) if (index % 4 === first) bytes[(page - 1) << 12] = 0xff;
    writeFileSync(file, bytes);
    store = Store.open(directory);
    expect(() => store.learnKeyIds(1_000)).toThrow('malformed');
    expect(store.learnKeyIds(1_000)).toBe(false);
    let found = 0;
    for (let number = 1; number <= many; number += 1) {
      try {
        expect(find(number)).toEqual(keyOf(number));
        found += 1;
      } catch (error) {
        expect((error as Error).message).toContain('malformed');
      }
    }
    expect(found / many).toBeCloseTo(0.75, 1);
    store.write(({ chatKeys }) => chatKeys.put(idOf(many + 1), keyOf(many + 1), 1));
    expect(find(many + 1)).toEqual(keyOf(many + 1));
  });

  it.each([
    ['its key was changed', "UPDATE chat_keys SET key = x'00' WHERE number = 7"],
    ['its id was changed', 'UPDATE chat_keys SET key_id = zeroblob(16) WHERE number = 7'],
    ['its row was removed', 'DELETE FROM chat_keys WHERE number = 7'],
  ])('is not served where %s', (_, change) => {
    openBeside(directory).exec(change);
    expect(() => find(7)).toThrow(DamagedRow);
    expect(find(8)).toEqual(keyOf(8));
  });
});
