import type { Database, Statement } from 'better-sqlite3';
import { followedThrough, IndexFollower } from './index-follower.ts';
import { partitionOf } from './partitions.ts';
import type { Range, RoundParts } from './round-parts.ts';
import { RoundTable } from './round-table.ts';

/** An event about a key, as the index keeps it. */
export interface KeyEvent {
  readonly keyId: Buffer;
  readonly sequence: number;
  /** 1 where the key was handed out. */
  readonly fetched: number;
}

/** An event that concerns a coin: claimed, proved by encryption, or a target of reconstruction. */
export interface CoinEvent {
  readonly denomination: number;
  readonly serialNumber: number;
  readonly sequence: number;
}

export const eventsIndexedThroughName = 'indexed_through';

/** Events that the index may lack while there are requests: the command line looks through the end of the log by itself. */
const lagMax = 262_144;

/** Events whose times are kept together in `event_times`. */
export const timeBlockSize = 1_024;

/** How the indexes are derived from the log, for events from `low` to `high`. */
export const keyEventsOfLog = `SELECT key_id AS keyId, sequence, action = 'get-key' AND status = 250 AS fetched
  FROM events WHERE key_id IS NOT NULL AND sequence BETWEEN :low AND :high`;

const namedCoins = [
  `SELECT denomination, serial_number AS serialNumber, sequence
   FROM events WHERE serial_number IS NOT NULL AND sequence BETWEEN :low AND :high`,
  `SELECT encryption_denomination, encryption_serial_number, sequence
   FROM events WHERE encryption_serial_number IS NOT NULL AND sequence BETWEEN :low AND :high`,
  `SELECT second_denomination, second_serial_number, sequence
   FROM events WHERE second_serial_number IS NOT NULL AND sequence BETWEEN :low AND :high`,
  'SELECT denomination, serial_number, event FROM reconstructions WHERE event BETWEEN :low AND :high',
];

/** In the order of the index: UNION sorts and drops what an event names twice. */
export const coinEventsOfLog = namedCoins.join(' UNION ');

const eventTimesOfLog = `SELECT sequence / ${timeBlockSize} AS block, min(time) AS timeMin, max(time) AS timeMax
  FROM events WHERE sequence BETWEEN :low AND :high GROUP BY sequence / ${timeBlockSize}`;

const widenTimes = 'time_min = min(time_min, excluded.time_min), time_max = max(time_max, excluded.time_max)';

export const eventRounds: readonly RoundParts[] = [
  {
    table: 'key_events',
    columns: ['key_id', 'sequence', 'fetched'],
    order: ['key_id', 'sequence'],
    number: 'sequence',
    source: keyEventsOfLog,
  },
  {
    table: 'coin_events',
    columns: ['denomination', 'serial_number', 'sequence'],
    order: ['denomination', 'serial_number', 'sequence'],
    number: 'sequence',
    // The table sorts by itself.
    source: namedCoins.join(' UNION ALL '),
  },
  {
    table: 'event_times',
    columns: ['block', 'time_min', 'time_max'],
    order: ['block'],
    source: eventTimesOfLog,
    update: widenTimes,
  },
];

interface TimeBlock {
  readonly block: number;
  readonly timeMin: number;
  readonly timeMax: number;
}

/** The indexes of the log, which follow it in rounds. */
export class EventIndex {
  readonly follower: IndexFollower;
  readonly #selectKeys: Statement<[Range], KeyEvent>;
  readonly #selectCoins: Statement<[Range], CoinEvent>;
  readonly #selectTimes: Statement<[Range], TimeBlock>;
  readonly #insertTimes: Statement<[TimeBlock]>;
  readonly #deleteKey: Statement<[number, Buffer, number]>;
  readonly #deleteCoin: Statement<[number, number, number, number]>;
  readonly #deleteTimes: Statement<[number]>;

  constructor(database: Database) {
    this.#selectKeys = database.prepare(keyEventsOfLog);
    this.#selectCoins = database.prepare(coinEventsOfLog);
    this.#selectTimes = database.prepare(eventTimesOfLog);
    this.#insertTimes = database.prepare(
      `INSERT INTO event_times (block, time_min, time_max) VALUES (:block, :timeMin, :timeMax)
       ON CONFLICT (block) DO UPDATE SET ${widenTimes}`,
    );
    this.#deleteKey = database.prepare('DELETE FROM key_events WHERE partition = ? AND key_id = ? AND sequence = ?');
    this.#deleteCoin = database.prepare(
      'DELETE FROM coin_events WHERE partition = ? AND denomination = ? AND serial_number = ? AND sequence = ?',
    );
    this.#deleteTimes = database.prepare('DELETE FROM event_times WHERE block <= ?');
    const newest = database.prepare<[], number>('SELECT coalesce(max(sequence), 0) FROM events').pluck();
    this.follower = new IndexFollower(database, eventsIndexedThroughName, lagMax, {
      newest: () => newest.get() ?? 0,
      tables: eventRounds.map((parts) => new RoundTable(database, parts)),
    });
  }

  /** Forgets indexed events that are about to be removed from the log, `low` the first of them. */
  remove({ low, high }: Range): void {
    for (const { keyId, sequence } of this.#selectKeys.all({ low, high })) {
      this.#deleteKey.run(partitionOf(sequence), keyId, sequence);
    }
    for (const { denomination, serialNumber, sequence } of this.#selectCoins.all({ low, high })) {
      this.#deleteCoin.run(partitionOf(sequence), denomination, serialNumber, sequence);
    }
    const block = Math.floor(high / timeBlockSize);
    this.#deleteTimes.run(block);
    const restOfBlock = { low: high + 1, high: Math.min(this.follower.through, (block + 1) * timeBlockSize - 1) };
    for (const times of this.#selectTimes.all(restOfBlock)) this.#insertTimes.run(times);
  }
}

/** Sequence number up to which the log is indexed. */
export function indexedThrough(database: Database): number {
  return followedThrough(database, eventsIndexedThroughName);
}
