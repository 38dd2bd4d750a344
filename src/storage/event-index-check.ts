import { Buffer } from 'node:buffer';
import type { Database } from 'better-sqlite3';
import {
  type CoinEvent,
  coinEventsOfLog,
  indexedThrough,
  type KeyEvent,
  keyEventsOfLog,
  timeBlockSize,
} from './event-index.ts';
import { beforeAllPartitions, partitionSql } from './partitions.ts';
import type { Range } from './round-parts.ts';

const entriesPerRead = 2_000;

/**
 * Where the indexes of the log do not say what the log says, as far as they claim to follow it. A serving node adds entries
 * beyond that point meanwhile and removes those of pruned events; neither is a fault. Reads in short transactions.
 */
export function eventIndexFaults(database: Database): string[] {
  const through = indexedThrough(database);
  return [
    ...wrongKeyEntries(database, through),
    ...wrongCoinEntries(database, through),
    ...missingEntries(database, through),
  ];
}

/** An entry together with what the log says of its event; null where it says nothing, or the entry stands elsewhere. */
type Checked<Entry> = InPartition<Entry> & { readonly logged: number | null };
type InPartition<Entry> = Entry & { readonly partition: number };

function wrongKeyEntries(database: Database, through: number): string[] {
  const select = database.prepare<[number, Buffer, number, number], Checked<KeyEvent>>(
    `SELECT k.partition, k.key_id AS keyId, k.sequence, k.fetched,
       (SELECT action = 'get-key' AND status = 250 FROM events e
        WHERE e.sequence = k.sequence AND e.key_id = k.key_id AND k.partition = ${partitionSql('e.sequence')}) AS logged
     FROM key_events k WHERE (k.partition, k.key_id, k.sequence) > (?, ?, ?)
     ORDER BY k.partition, k.key_id, k.sequence LIMIT ?`,
  );
  const start: InPartition<Omit<KeyEvent, 'fetched'>> = {
    partition: beforeAllPartitions,
    keyId: Buffer.alloc(0),
    sequence: 0,
  };
  const next = ({ partition, keyId, sequence }: typeof start) => select.all(partition, keyId, sequence, entriesPerRead);
  return wrongEntries(database, start, next, ({ fetched, logged, sequence }) =>
    fetched === logged || sequence > through ? undefined : { sequence, isLogged: logged !== null },
  );
}

function wrongCoinEntries(database: Database, through: number): string[] {
  const select = database.prepare<[number, number, number, number, number], Checked<CoinEvent>>(
    `SELECT c.partition, c.denomination, c.serial_number AS serialNumber, c.sequence,
       (SELECT (e.denomination, e.serial_number) IS (c.denomination, c.serial_number)
          OR (e.encryption_denomination, e.encryption_serial_number) IS (c.denomination, c.serial_number)
          OR (e.second_denomination, e.second_serial_number) IS (c.denomination, c.serial_number)
          OR EXISTS (SELECT 1 FROM reconstructions r WHERE r.event = c.sequence
                     AND r.denomination = c.denomination AND r.serial_number = c.serial_number)
        FROM events e WHERE e.sequence = c.sequence AND c.partition = ${partitionSql('e.sequence')}) AS logged
     FROM coin_events c WHERE (c.partition, c.denomination, c.serial_number, c.sequence) > (?, ?, ?, ?)
     ORDER BY c.partition, c.denomination, c.serial_number, c.sequence LIMIT ?`,
  );
  const start: InPartition<CoinEvent> = {
    partition: beforeAllPartitions,
    denomination: 0,
    serialNumber: 0,
    sequence: 0,
  };
  const next = ({ partition, denomination, serialNumber, sequence }: typeof start) =>
    select.all(partition, denomination, serialNumber, sequence, entriesPerRead);
  return wrongEntries(database, start, next, ({ sequence, logged }) =>
    logged === 1 || sequence > through ? undefined : { sequence, isLogged: logged !== null },
  );
}

/** Pages through an index and names the entries that `judge` finds wrong; one whose event was pruned meanwhile is not. */
function wrongEntries<Position, Entry extends Position>(
  database: Database,
  start: Position,
  next: (after: Position) => Entry[],
  judge: (entry: Entry) => { sequence: number; isLogged: boolean } | undefined,
): string[] {
  const faults: string[] = [];
  let position = start;
  for (;;) {
    const entries = next(position);
    for (const entry of entries) {
      const wrong = judge(entry);
      if (wrong !== undefined && (wrong.isLogged || wrong.sequence >= firstSequence(database))) {
        faults.push(`the index of events has a wrong entry for event ${wrong.sequence}`);
      }
    }
    const last = entries.at(-1);
    if (last === undefined) return faults;
    position = last;
  }
}

/** Looks at a block of events after the other. */
function missingEntries(database: Database, through: number): string[] {
  const count = database.prepare<[Range], { keys: number; coins: number }>(
    `SELECT (SELECT count(*) FROM (${keyEventsOfLog}) l
        WHERE NOT EXISTS (SELECT 1 FROM key_events k WHERE k.partition = ${partitionSql('l.sequence')}
          AND k.key_id = l.keyId AND k.sequence = l.sequence)) AS keys,
      (SELECT count(*) FROM (${coinEventsOfLog}) l
        WHERE NOT EXISTS (SELECT 1 FROM coin_events c WHERE c.partition = ${partitionSql('l.sequence')}
          AND c.denomination = l.denomination AND c.serial_number = l.serialNumber AND c.sequence = l.sequence)) AS coins`,
  );
  const faults: string[] = [];
  const times = timeBlocks(database);
  for (let block = blockOf(firstSequence(database)); block <= blockOf(through); block += 1) {
    const range = { low: block * timeBlockSize, high: Math.min(through, (block + 1) * timeBlockSize - 1) };
    const { keys, coins } = count.get(range) ?? { keys: 0, coins: 0 };
    const missing = keys + coins;
    if (missing > 0)
      faults.push(`the index of events lacks ${missing} entries for events ${range.low} to ${range.high}`);
    if (!times.fit(block)) faults.push(`the index of events has wrong times for events ${range.low} to ${range.high}`);
  }
  return [...faults, ...times.surplus()];
}

/** Each look is one statement, so that it sees the index and the log at the same moment. */
function timeBlocks(database: Database) {
  const through = `(SELECT CAST(CAST(value AS TEXT) AS INTEGER) FROM settings WHERE name = 'indexed_through')`;
  const select = database
    .prepare<[Range & { block: number }], number>(
      `SELECT (t.time_min, t.time_max) IS (l.timeMin, l.timeMax)
       FROM (SELECT min(time) AS timeMin, max(time) AS timeMax FROM events
             WHERE sequence BETWEEN :low AND min(:high, ${through})) l
       LEFT JOIN event_times t ON t.block = :block`,
    )
    .pluck();
  const outside = database
    .prepare<[], number>(`SELECT block FROM event_times WHERE block < 0 OR block > ${through} / ${timeBlockSize}`)
    .pluck();
  return {
    fit: (block: number) =>
      select.get({ block, low: block * timeBlockSize, high: (block + 1) * timeBlockSize - 1 }) === 1,
    surplus: () =>
      outside.all().map((block) => `the index of events has times for block ${block}, which does not exist`),
  };
}

function blockOf(sequence: number): number {
  return Math.floor(sequence / timeBlockSize);
}

function firstSequence(database: Database): number {
  return database.prepare<[], number>('SELECT coalesce(min(sequence), 0) FROM events').pluck().get() ?? 0;
}
