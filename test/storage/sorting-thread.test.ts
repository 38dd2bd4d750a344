import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import SqliteDatabase from 'better-sqlite3';
import { expect, it, onTestFinished, vi } from 'vitest';
import { eventIndexFaults } from '../../src/storage/event-index-check.ts';
import { keyIndexFaults } from '../../src/storage/key-index-check.ts';
import type { Store } from '../../src/storage/store.ts';
import { Transactions } from '../../src/storage/transactions.ts';
import { makeNode, openBeside, openStore } from '../support/harness.ts';

/** The thread that sorts what indexes are brought up to date with: they say what their tables say, with it and without. */
const many = 10_000;
const keyIdOf = (number: number) => Buffer.from(`${(number * 7_919) % 10_007} ${number}`.padEnd(16));
const coinOf = (number: number) => ({ denomination: 1, serialNumber: (number * 31) % 997 });

function post(store: Store, first: number, count: number): void {
  store.write(({ chatKeys, events }) => {
    for (let number = first; number < first + count; number += 1) {
      const [keyId, coin] = [keyIdOf(number), coinOf(number)];
      chatKeys.put(keyId, { coin, key: Buffer.from('key') }, 1);
      const event = { time: number % 50, action: 'post-key', status: 250, claimedCoin: coin, keyId };
      events.append({ ...event, encryptionType: 4, encryptionCoins: [coinOf(number + 1)] });
    }
  });
}

interface Sorting {
  readonly directory: string;
  readonly store: Store;
  readonly failures: Error[];
}

/** A store whose thread is there, and may have been asked to sort. */
async function storeWithThread(directory = makeNode(), processors = 2): Promise<Sorting> {
  const store = openStore(directory);
  const failures: Error[] = [];
  const failed = (error: Error) => failures.push(error);
  const sortsElsewhere = vi.spyOn(store.indexes, 'sortElsewhere');
  store.startThread({ checkpointFailed: failed, sortFailed: failed }, processors);
  onTestFinished(() => store.stopThreads());
  const isThere = () => sortsElsewhere.mock.calls.length + failures.length > 0;
  if (processors > 1) await expect.poll(isThere, { timeout: 5_000 }).toBe(true);
  return { directory, store, failures };
}

/** Brings the indexes up to date as a node does; returns how often there was nothing to do but to wait. */
async function followAll(store: Store, between: () => void = () => undefined): Promise<number> {
  let waits = 0;
  while (store.indexes.lag() > 0) {
    if (store.indexes.hasWork) store.indexes.follow(1_000);
    else {
      waits += 1;
      between();
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
  return waits;
}

function expectSound({ directory, store }: Sorting): void {
  const beside = openBeside(directory);
  expect(store.indexes.lag()).toBe(0);
  expect(keyIndexFaults(beside)).toStrictEqual([]);
  expect(eventIndexFaults(beside)).toStrictEqual([]);
  const times = beside.prepare(
    `SELECT sequence / 1024 AS block, min(time) AS time_min, max(time) AS time_max FROM events GROUP BY 1`,
  );
  expect(beside.prepare('SELECT * FROM event_times ORDER BY block').all()).toStrictEqual(times.all());
}

it('sorts for indexes of keys and events, one round after the other', async () => {
  const sorting = await storeWithThread();
  for (let round = 0; round < 3; round += 1) {
    post(sorting.store, round * many, many);
    expect(await followAll(sorting.store)).toBeGreaterThan(0);
    expectSound(sorting);
  }
  expect(sorting.failures).toStrictEqual([]);
});

it('sorts what is posted, removed and given to other coins while it sorts', async () => {
  const sorting = await storeWithThread();
  const { store } = sorting;
  post(store, 0, many);
  let next = 0;
  const between = () => {
    if (next >= 400) return;
    store.write(({ chatKeys }) => {
      chatKeys.remove(keyIdOf(next));
      chatKeys.put(keyIdOf(next + 1), { coin: coinOf(next + 5), key: Buffer.from('other') }, 2);
      chatKeys.remove(keyIdOf(next + 2));
      chatKeys.put(keyIdOf(next + 2), { coin: coinOf(next), key: Buffer.from('again') }, 2);
    });
    post(store, many + next, 1);
    next += 4;
  };
  expect(await followAll(store, between)).toBeGreaterThan(0);
  expect(next).toBeGreaterThan(0);
  await followAll(store);
  expectSound(sorting);
});

/** Follows until all entries of a round are merged, and only the end of the round is left. */
async function followToTheEnd(store: Store): Promise<void> {
  while (store.indexes.nextPiece !== 'finish indexed_through') {
    if (store.indexes.hasWork) store.indexes.follow(2_048);
    else await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

it('indexes are sound just before a round ends, and after events were pruned there', async () => {
  const sorting = await storeWithThread();
  const { directory, store } = sorting;
  post(store, 0, 1_500);
  await followAll(store);
  post(store, 1_500, many);
  await followToTheEnd(store);
  expect(eventIndexFaults(openBeside(directory))).toStrictEqual([]);
  expect(store.write((writer) => writer.retention.pruneEvents(writer, 1_000, 9_000, 1_400))).toBe(1_400);
  expect(eventIndexFaults(openBeside(directory))).toStrictEqual([]);
  await followAll(store);
  expectSound(sorting);
});

it('is done without, and checkpoints are made at commits, once the thread has ended by itself', async () => {
  const workers: Worker[] = [];
  vi.spyOn(Worker.prototype, 'postMessage').mockImplementation(function (this: Worker) {
    workers.push(this);
  });
  onTestFinished(() => void vi.restoreAllMocks());
  const sorting = await storeWithThread();
  const { store } = sorting;
  post(store, 0, many);
  while (store.indexes.hasWork) store.indexes.follow(1_000);
  const pragma = vi.spyOn(SqliteDatabase.prototype, 'pragma');
  await workers[0]?.terminate();
  expect(pragma).toHaveBeenCalledWith('wal_autocheckpoint = 20000');
  expect(await followAll(store)).toBe(0);
  expectSound(sorting);
});

it('is not waited for where it was stopped before it could be asked', async () => {
  const directory = makeNode();
  const store = openStore(directory);
  const ignored = () => undefined;
  store.startThread({ checkpointFailed: ignored, sortFailed: ignored }, 2);
  await store.stopThreads();
  post(store, 0, many);
  expect(await followAll(store)).toBe(0);
  expectSound({ directory, store, failures: [] });
});

it('is in nobody else’s way: whoever writes needs no lock of what is being sorted', () => {
  const directory = makeNode();
  const database = openBeside(directory);
  database.prepare('ATTACH ? AS keys_rounds').run(join(directory, 'attached'));
  const other = new SqliteDatabase(join(directory, 'attached'));
  onTestFinished(() => void other.close());
  other.exec('CREATE TABLE sorted (entry); BEGIN EXCLUSIVE');
  const nothing = () => undefined;
  const memory = {
    mark: () => ({ keys: 0, requests: 0 }),
    beforeCommit: nothing,
    commit: nothing,
    rollBackTo: nothing,
  };
  const beside = openBeside(directory);
  new Transactions(database, memory).write(() => {
    expect(() => beside.exec('BEGIN IMMEDIATE')).toThrow('database is locked');
    database.exec("INSERT INTO settings VALUES ('written', x'00', 0)");
  });
  expect(beside.prepare("SELECT count(*) FROM settings WHERE name = 'written'").pluck().get()).toBe(1);
});

it('has the indexes sort for themselves what it could not', async () => {
  const sorting = await storeWithThread();
  vi.spyOn(Worker.prototype, 'postMessage').mockImplementation(function (this: Worker, message: { index?: string }) {
    const sortFailure = { code: 'SQLITE_FULL', message: 'database or disk is full' };
    if (message.index !== undefined) this.emit('message', { index: message.index, sortFailure });
  });
  onTestFinished(() => void vi.restoreAllMocks());
  post(sorting.store, 0, many);
  expect(await followAll(sorting.store)).toBe(0);
  expectSound(sorting);
  expect(sorting.failures).toHaveLength(2);
  expect(sorting.failures[0]).toMatchObject({ name: 'ThreadFailure', code: 'SQLITE_FULL' });
});

it('leaves no file behind, and none of a node that was killed', async () => {
  const directory = makeNode();
  writeFileSync(join(directory, 'node.db-events-rounds'), 'no database');
  const { store, failures } = await storeWithThread(directory);
  expect(readdirSync(directory).filter((name) => name.includes('rounds'))).toStrictEqual([]);
  post(store, 0, many);
  await followAll(store);
  expect(readdirSync(directory).filter((name) => name.includes('rounds'))).toStrictEqual([]);
  expect(failures).toStrictEqual([]);
});

it('is done without where its files cannot be made', async () => {
  const directory = makeNode();
  mkdirSync(join(directory, 'node.db-keys-rounds', 'in the way'), { recursive: true });
  const sorting = await storeWithThread(directory);
  expect(sorting.failures).toHaveLength(1);
  post(sorting.store, 0, many);
  expect(await followAll(sorting.store)).toBe(0);
  expectSound(sorting);
});

it('is done without where there is one processor', async () => {
  const sorting = await storeWithThread(makeNode(), 1);
  post(sorting.store, 0, many);
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(await followAll(sorting.store)).toBe(0);
  expect(existsSync(join(sorting.directory, 'node.db-keys-rounds'))).toBe(false);
  expectSound(sorting);
});

it('is done without once the store’s threads are stopped', async () => {
  const sorting = await storeWithThread();
  post(sorting.store, 0, many);
  while (sorting.store.indexes.hasWork) sorting.store.indexes.follow(1_000);
  await sorting.store.stopThreads();
  expect(await followAll(sorting.store)).toBe(0);
  expectSound(sorting);
});
