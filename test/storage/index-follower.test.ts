import type { Database } from 'better-sqlite3';
import { beforeEach, expect, it } from 'vitest';
import { IndexFollower } from '../../src/storage/index-follower.ts';
import { Indexes } from '../../src/storage/indexes.ts';
import type { Range, RoundParts } from '../../src/storage/round-parts.ts';
import { RoundSorter } from '../../src/storage/round-sorter.ts';
import { RoundTable } from '../../src/storage/round-table.ts';
import { makeNode, openBeside } from '../support/harness.ts';

/** An index that follows its table while somebody else sorts: whom it waits for, and for how long. */
const parts: RoundParts = {
  table: 'entries',
  columns: ['value', 'number'],
  order: ['value'],
  number: 'number',
  source: 'SELECT value, number FROM rows WHERE number BETWEEN :low AND :high',
};
const elsewhere = 'elsewhere';
const large = 8_192;
const lagMax = 10_000;

let database: Database;
let follower: IndexFollower;
let asked: Range[];
let sorter: RoundSorter;
let failsNow: boolean;

beforeEach(() => {
  database = openBeside(makeNode());
  database.exec(`CREATE TABLE rows (number INTEGER PRIMARY KEY, value NOT NULL);
    CREATE TABLE entries (partition, value, number, PRIMARY KEY (partition, value)) WITHOUT ROWID;
    ATTACH ':memory:' AS ${elsewhere}`);
  const newest = database.prepare<[], number>('SELECT coalesce(max(number), 0) FROM rows').pluck();
  const tables = [new RoundTable(database, parts)];
  follower = new IndexFollower(database, 'followed', lagMax, { newest: () => newest.get() ?? 0, tables });
  sorter = new RoundSorter(database, elsewhere, parts);
  asked = [];
  failsNow = false;
  follower.sortElsewhere(elsewhere, (range) => asked.push(range));
});

function add(count: number): void {
  const from = database.prepare<[], number>('SELECT coalesce(max(number), 0) FROM rows').pluck().get() ?? 0;
  const insert = database.prepare("INSERT INTO rows VALUES (?, hex(randomblob(8)) || ' ' || ?)");
  database.transaction(() => {
    for (let number = from + 1; number <= from + count; number += 1) insert.run(number, number);
  })();
}

/** One piece of work, as `Indexes` does it. */
function advance(size = 1_000_000): void {
  try {
    database.transaction(() => {
      follower.advance(size);
      if (failsNow) throw new Error('the disk is full');
    })();
  } catch {
    follower.abandon();
  }
}

/** What the other thread does. */
function sort(range = asked.at(-1)): void {
  if (range === undefined) throw new Error('nothing was asked for');
  sorter.clear();
  follower.sorted([sorter.load(range)]);
}

function goOn(): void {
  while (follower.lag() > 0) {
    if (follower.isWaiting) sort();
    advance();
  }
}

function expectWhole(): void {
  expect(follower.lag()).toBe(0);
  const differences = database.prepare(
    `SELECT * FROM (SELECT number >> 20 AS partition, value, number FROM rows EXCEPT SELECT * FROM entries)
     UNION ALL SELECT * FROM (SELECT * FROM entries EXCEPT SELECT number >> 20, value, number FROM rows)`,
  );
  expect(differences.all()).toStrictEqual([]);
}

it('waits until a large round is sorted, and merges what was sorted there', () => {
  add(large);
  advance();
  expect(asked).toStrictEqual([{ low: 1, high: large }]);
  for (let piece = 0; piece < 3; piece += 1) {
    expect(follower.isWaiting).toBe(true);
    expect(follower.isInRound).toBe(true);
    advance();
  }
  expect(asked).toHaveLength(1);
  expect(database.prepare('SELECT count(*) FROM temp.round_entries').pluck().get()).toBe(0);
  sort();
  expect(follower.isWaiting).toBe(false);
  expect(follower.nextPiece).toBe('merge entries');
  advance(100);
  expect(database.prepare('SELECT count(*) FROM entries').pluck().get()).toBe(100);
  goOn();
  expectWhole();
});

it('sorts a smaller round itself', () => {
  add(large - 1);
  goOn();
  expect(asked).toStrictEqual([]);
  expectWhole();
});

it('follows in rounds of at most 131,072 rows, smaller ones where it sorts itself', () => {
  const patient = new IndexFollower(database, 'followed', 1_000_000, { newest: () => 140_000, tables: [] });
  patient.sortElsewhere(elsewhere, (range) => asked.push(range));
  patient.advance(1);
  patient.sorted([]);
  patient.advance(1);
  expect(patient.through).toBe(131_072);
  patient.advance(1);
  patient.sorted([]);
  patient.advance(1);
  expect(asked).toStrictEqual([
    { low: 1, high: 131_072 },
    { low: 131_073, high: 140_000 },
  ]);
  const alone = new IndexFollower(database, 'alone', 1_000_000, { newest: () => 140_000, tables: [] });
  for (let piece = 0; piece < 3; piece += 1) alone.advance(140_000);
  expect(alone.through).toBe(65_536);
});

it('lets no other index begin early while it waits', () => {
  const followed = { newest: () => 10, tables: [] };
  const events = new IndexFollower(database, 'events', lagMax, followed);
  const indexes = new Indexes({ keys: follower, events, write: (work) => work() });
  add(large);
  indexes.followKeys(1);
  expect(follower.isWaiting).toBe(true);
  expect(indexes.isInRound).toBe(false);
  expect(indexes.urgency()).toBe(10 / lagMax);
  sort();
  expect(indexes.isInRound).toBe(true);
});

it('waits for nobody where too much is lacking', () => {
  add(large);
  advance();
  expect(follower.isWaiting).toBe(true);
  add(4 * lagMax - large);
  expect(follower.isWaiting).toBe(false);
  while (follower.lag() > 0) advance();
  expect(asked).toHaveLength(1);
  expectWhole();
  // What was asked for at the beginning comes late, and is not wanted any more.
  sort(asked[0]);
  add(large);
  advance();
  expect(asked).toHaveLength(2);
  goOn();
  expectWhole();
});

it('asks for one round at a time, whatever became of the one before', () => {
  add(large);
  advance();
  failsNow = true;
  add(4 * lagMax);
  advance();
  failsNow = false;
  expect(follower.isInRound).toBe(false);
  while (follower.lag() > 0) advance();
  add(large);
  advance();
  expect(asked).toHaveLength(1);
  while (follower.lag() > 0) advance();
  expectWhole();
});

it('sorts the next round itself where sorting failed, and then asks again', () => {
  add(large);
  advance();
  follower.sorted(undefined);
  expect(follower.isInRound).toBe(false);
  goOn();
  expect(asked).toHaveLength(1);
  expectWhole();
  add(large);
  advance();
  expect(asked).toHaveLength(2);
  goOn();
  expectWhole();
});

it('begins a round anew where a piece of it was undone, and sorts that itself', () => {
  add(large);
  advance();
  sort();
  advance(100);
  failsNow = true;
  advance(100);
  failsNow = false;
  expect(follower.isInRound).toBe(false);
  goOn();
  expect(asked).toHaveLength(1);
  expectWhole();
});

it('sorts everything itself once nobody else does', () => {
  add(large);
  advance();
  follower.sortHere();
  expect(follower.isWaiting).toBe(false);
  goOn();
  add(large);
  goOn();
  expect(asked).toHaveLength(1);
  expectWhole();
});

it('brings a round to its end that was sorted before nobody did any more', () => {
  add(large);
  advance();
  sort();
  advance(100);
  follower.sortHere();
  expect(follower.isInRound).toBe(true);
  goOn();
  expectWhole();
});
