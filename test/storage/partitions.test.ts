import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Database } from 'better-sqlite3';
import { beforeEach, describe, expect, it } from 'vitest';
import { eventsIndexedThroughName, indexedThrough } from '../../src/storage/event-index.ts';
import { eventIndexFaults } from '../../src/storage/event-index-check.ts';
import type { EventFilter } from '../../src/storage/forensics/event-filter.ts';
import { listEvents } from '../../src/storage/forensics/event-search.ts';
import { findKey, type KeyFilter, listKeys } from '../../src/storage/forensics/keys.ts';
import { keysIndexedThroughName } from '../../src/storage/key-index.ts';
import { keyIndexFaults } from '../../src/storage/key-index-check.ts';
import { selectInPartitions } from '../../src/storage/partitions.ts';
import { writeSetting } from '../../src/storage/settings.ts';
import type { Store } from '../../src/storage/store.ts';
import { makeNode, openBeside, openStore } from '../support/harness.ts';

/** Searches give the same answers where what they look for stands in several partitions of an index. */
const partitionSize = 2 ** 20;
const keys = 60;
const coins = 7;
const idOf = (number: number) => Buffer.from(`${number % 6}ab ${number}`.padEnd(16));
const coinOf = (number: number) => ({ denomination: 1, serialNumber: number % coins });

let store: Store;
let beside: Database;

/** Keys and events on both sides of a boundary, and indexes that lack the last of them. */
beforeEach(() => {
  const directory = makeNode();
  const made = openBeside(directory);
  writeSetting(made, keysIndexedThroughName, Buffer.from(String(partitionSize - 20)));
  writeSetting(made, eventsIndexedThroughName, Buffer.from(String(2 * partitionSize - 90)));
  made
    .prepare("INSERT INTO events (sequence, time, action, hash) VALUES (?, 0, 'before', zeroblob(32))")
    .run(2 * partitionSize - 90);
  store = openStore(directory);
  for (let number = 0; number < keys; number += 1) {
    if (number === keys - 5) while (store.indexes.lag() > 0) store.indexes.follow(16, 32);
    store.write(({ chatKeys, events }) => {
      const [keyId, coin] = [idOf(number), coinOf(number)];
      chatKeys.put(keyId, { coin, key: Buffer.from('key') }, 1);
      const event = { time: number, status: 250, claimedCoin: coin, keyId };
      events.append({ ...event, action: 'post-key' });
      events.append({ ...event, action: 'get-key', fetched: true, encryptionCoins: [coinOf(number + 1)] });
      const earlier = { keyId: idOf(Math.floor(number / 2)), claimedCoin: coinOf(number + 2) };
      events.append({ ...event, ...earlier, action: 'get-key', fetched: true });
    });
  }
  beside = openBeside(directory);
});

const all = (sql: string, ...parameters: unknown[]) =>
  beside
    .prepare<unknown[], number>(sql)
    .pluck()
    .all(...parameters);

function expectEvents(filter: EventFilter, condition: string, ...parameters: unknown[]): void {
  const wanted = all(`SELECT sequence FROM events WHERE ${condition} ORDER BY sequence`, ...parameters);
  expect(wanted.length).toBeGreaterThan(1);
  for (const limit of [1, 2, 5, 1_000]) {
    const found = (newestFirst: boolean) =>
      [...listEvents(beside, filter, { newestFirst, limit })].map(({ sequence }) => sequence);
    expect(found(false)).toEqual(wanted.slice(0, limit));
    expect(found(true)).toEqual(wanted.toReversed().slice(0, limit));
  }
}

function expectKeys(filter: KeyFilter, condition: string, ...parameters: unknown[]): void {
  const wanted = beside
    .prepare<unknown[], Buffer>(`SELECT key_id FROM chat_keys WHERE ${condition} ORDER BY number`)
    .pluck()
    .all(...parameters);
  expect(wanted.length).toBeGreaterThan(1);
  for (const limit of [1, 2, 5, 1_000]) {
    beside.exec(
      'DROP VIEW IF EXISTS indexed_key_events; DROP TABLE IF EXISTS recent_key_events; DROP TABLE IF EXISTS temp.partitions',
    );
    expect([...listKeys(beside, filter, limit)].map(({ keyId }) => keyId)).toEqual(wanted.slice(0, limit));
  }
}

describe('partitions of indexes', () => {
  it.each([
    [false, [0, 1, 2, 3], [0, 1]],
    [true, [3, 2, 1, 0], [3, 2]],
  ])('are asked one after the other until there is enough, newest first: %s', (newestFirst, every, some) => {
    const span = { low: 5, high: 3 * partitionSize };
    const asked: number[] = [];
    const select = (partition: number, count: number) => {
      asked.push(partition);
      return [10 * partition, 10 * partition + 1].slice(0, count);
    };
    expect(selectInPartitions(span, newestFirst, 100, select)).toHaveLength(8);
    expect(asked.splice(0)).toEqual(every);
    const [first = 0, second = 0] = some;
    expect(selectInPartitions(span, newestFirst, 3, select)).toEqual([10 * first, 10 * first + 1, 10 * second]);
    expect(asked).toEqual(some);
  });

  it('are searched for events of a coin, and of keys, in either order', () => {
    expect(indexedThrough(beside)).toBeGreaterThan(2 * partitionSize);
    for (let number = 0; number < coins; number += 1) {
      const { serialNumber } = coinOf(number);
      expectEvents(
        { coin: coinOf(number) },
        'serial_number = ? OR encryption_serial_number = ?',
        serialNumber,
        serialNumber,
      );
    }
    for (let number = 0; number < keys / 2; number += 1) {
      expectEvents({ keyIdPrefix: idOf(number).toString('hex') }, 'key_id = ?', idOf(number));
    }
    expectEvents({ keyIdPrefix: Buffer.from('3ab').toString('hex') }, "substr(key_id, 1, 3) = x'336162'");
  });

  it('are searched for keys of a coin, and of the start of an id', () => {
    for (let number = 0; number < coins; number += 1) {
      expectKeys({ coin: coinOf(number) }, 'serial_number = ?', coinOf(number).serialNumber);
      expectKeys(
        { idPrefix: Buffer.from(`${number % 6}ab`).toString('hex') },
        'substr(key_id, 1, 1) = ?',
        Buffer.from(String(number % 6)),
      );
    }
  });

  it('show no event twice while more is merged', () => {
    const events = () => all('SELECT sequence FROM v_coin_events WHERE serial_number = 3 ORDER BY sequence');
    const before = events();
    expect(store.indexes.lag()).toBeGreaterThan(0);
    while (store.indexes.lag() > 0) {
      store.indexes.follow(1, 32);
      expect(events()).toEqual(before);
    }
  });

  it('are counted together', () => {
    const fetches = beside.prepare<[Buffer], number>(
      "SELECT count(*) FROM events WHERE key_id = ? AND action = 'get-key'",
    );
    for (let number = 0; number < keys; number += 1) {
      expect(findKey(beside, idOf(number))?.key.fetches).toBe(fetches.pluck().get(idOf(number)));
    }
    while (store.indexes.lag() > 0) store.indexes.follow(16, 32);
    const wanted = all("SELECT count(*) FROM events WHERE action = 'get-key' GROUP BY key_id ORDER BY key_id");
    expect(all('SELECT fetches FROM v_keys ORDER BY key_id')).toEqual(wanted);
    for (let number = 0; number < coins; number += 1) {
      const { serialNumber } = coinOf(number);
      const count = (source: string) => all(`SELECT count(*) FROM ${source} AND serial_number = ?`, serialNumber);
      expect(count("v_coin_events WHERE role = 'named'")).toEqual(count('events WHERE true'));
      expect(store.write(({ keyCounts }) => keyCounts.of(coinOf(number)))).toBe(count('chat_keys WHERE true')[0]);
    }
  });

  it('are forgotten with the events that they are about, and with the keys', () => {
    while (store.indexes.lag() > 0) store.indexes.follow(16, 32);
    const removed = store.write((writer) => writer.retention.pruneEvents(writer, 40, 100, 150));
    expect(removed).toBeGreaterThan(100);
    store.write(({ chatKeys }) => [0, 19, 20, 21, 40].map((number) => chatKeys.remove(idOf(number))));
    const anothers = { coin: coinOf(1), key: Buffer.from('another') };
    store.write(({ chatKeys }) => [1, 18, 23, 44].map((number) => chatKeys.put(idOf(number), anothers, 2)));
    while (store.indexes.lag() > 0) store.indexes.follow(16, 32);
    expect(keyIndexFaults(beside)).toEqual([]);
    expect(eventIndexFaults(beside)).toEqual([]);
    for (const table of ['key_events', 'coin_events']) {
      expect(all(`SELECT count(*) FROM ${table} WHERE sequence < (SELECT min(sequence) FROM events)`)).toEqual([0]);
    }
    expect(all('SELECT count(*) FROM key_numbers')).toEqual([keys - 5]);
  });

  it('are proved not to hold the same id twice', () => {
    expect(keyIndexFaults(beside)).toEqual([]);
    const [low = 0, high = 0] = all(
      'SELECT min(number) FROM key_numbers UNION ALL SELECT max(number) FROM key_numbers',
    );
    const copy = (table: string, columns: string) =>
      beside.exec(`INSERT INTO ${table} SELECT ${columns} FROM ${table} WHERE number = ${high}`);
    copy('chat_keys', `${low - 1}, key_id, denomination, serial_number, key, checksum, posted_at, replacements`);
    copy('coin_keys', `0, denomination, serial_number, ${low - 1}`);
    copy('key_numbers', `0, key_id, ${low - 1}`);
    expect(keyIndexFaults(beside)).toEqual([expect.stringContaining('several entries')]);
  });

  it.each([
    ['is smaller than those before it', 0x00, 0],
    ['is text', 0x2d, -2],
  ])('are proved to have their ids in order: one of many that %s', (_, value, place) => {
    const directory = makeNode();
    const many = openStore(directory);
    const hexOf = (number: number) => createHash('md5').update(String(number)).digest('hex');
    const ids = Array.from({ length: 5_000 }, (_each, number) => hexOf(number)).toSorted();
    many.write(({ chatKeys }) => {
      for (const id of ids) chatKeys.put(Buffer.from(id, 'hex'), { coin: coinOf(1), key: Buffer.from('key') }, 1);
    });
    while (many.indexes.lag() > 0) many.indexes.follow(5_000);
    many.close();
    const damaged = openBeside(directory);
    const leaf = damaged.prepare<[], number>(
      "SELECT pageno FROM dbstat WHERE name = 'key_numbers' AND pagetype = 'leaf'",
    );
    const pages = new Set(leaf.pluck().all());
    damaged.close();
    const file = join(directory, 'node.db');
    const bytes = readFileSync(file);
    // The id at which the second stretch ends, in the index alone.
    const id = Buffer.from(ids[4_001] ?? '', 'hex');
    for (let at = bytes.indexOf(id); at >= 0; at = bytes.indexOf(id, at + 1)) {
      if (pages.has((at >> 12) + 1)) bytes[at + place] = value;
    }
    writeFileSync(file, bytes);
    const faults = keyIndexFaults(openBeside(directory));
    expect(faults).toContain('the index of keys does not have its ids in their order');
  });
});
