import type { Database } from 'better-sqlite3';
import type { Coin } from '../../domain/coin.ts';
import { Conditions, pages, rowsLookedAt } from './paging.ts';

export interface EventFilter {
  readonly coin?: Coin | undefined;
  readonly action?: string | undefined;
  readonly status?: number | undefined;
  readonly address?: string | undefined;
  readonly keyIdPrefix?: string | undefined;
  /** Milliseconds since 1970, both ends included. */
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  /** Only events after this one. */
  readonly after?: number | undefined;
}

export interface EventRecord {
  readonly sequence: number;
  readonly time: number;
  readonly action: string;
  readonly status: number | null;
  readonly reason: string | null;
  readonly encryptionType: number | null;
  readonly denomination: number | null;
  readonly serialNumber: number | null;
  readonly encryptionDenomination: number | null;
  readonly encryptionSerialNumber: number | null;
  readonly secondDenomination: number | null;
  readonly secondSerialNumber: number | null;
  readonly keyId: Buffer | null;
  readonly address: string | null;
  readonly details: string | null;
  readonly hash: Buffer;
}

export interface ReconstructionRecord {
  readonly event: number;
  readonly position: number;
  readonly denomination: number;
  readonly serialNumber: number;
  readonly splitId: number;
  readonly authority: number;
  readonly reason: string | null;
  /** Whether what was replaced is kept, so that it can be put back. */
  readonly revertible: number;
}

const columns = `sequence, time, action, status, reason, encryption_type AS encryptionType, denomination,
  serial_number AS serialNumber, encryption_denomination AS encryptionDenomination,
  encryption_serial_number AS encryptionSerialNumber, second_denomination AS secondDenomination,
  second_serial_number AS secondSerialNumber, key_id AS keyId, address, details, hash`;

export interface EventOrder {
  readonly newestFirst: boolean;
  readonly limit: number;
}

/** Streams the events that fit, oldest or newest first. */
export function listEvents(database: Database, filter: EventFilter, order: EventOrder): Generator<EventRecord> {
  const conditions = conditionsOf(filter);
  const [comparison, direction] = order.newestFirst ? ['<', 'DESC'] : ['>', 'ASC'];
  const select = database.prepare<unknown[], EventRecord>(
    `SELECT ${columns} FROM events WHERE sequence ${comparison} ? AND sequence BETWEEN ? AND ? AND ${conditions.sql}
     ORDER BY sequence ${direction} LIMIT ?`,
  );
  const bounds = database.prepare<[], { first: number | null; last: number | null }>(
    'SELECT (SELECT min(sequence) FROM events) AS first, (SELECT max(sequence) FROM events) AS last',
  );
  const { first, last } = bounds.get() ?? {};
  const start = order.newestFirst ? (last ?? 0) + 1 : (first ?? 1) - 1;
  return pages(start, order.limit, (position: number, count) => {
    const [low, high] = order.newestFirst
      ? [position - rowsLookedAt, position - 1]
      : [position + 1, position + rowsLookedAt];
    const rows = select.all(position, low, high, ...conditions.parameters, count);
    const lookedUpTo = order.newestFirst ? low : high;
    const next = rows.length === count ? (rows.at(-1)?.sequence ?? lookedUpTo) : lookedUpTo;
    const exhausted = order.newestFirst ? next <= (first ?? 0) : next >= (last ?? 0);
    return { rows, position: exhausted ? undefined : next };
  });
}

function conditionsOf(filter: EventFilter): Conditions {
  const conditions = new Conditions();
  if (filter.action !== undefined) conditions.add('action = ?', filter.action);
  if (filter.status !== undefined) conditions.add('status = ?', filter.status);
  if (filter.address !== undefined) conditions.add('address = ?', filter.address);
  if (filter.since !== undefined) conditions.add('time >= ?', filter.since);
  if (filter.until !== undefined) conditions.add('time <= ?', filter.until);
  if (filter.after !== undefined) conditions.add('sequence > ?', filter.after);
  if (filter.keyIdPrefix !== undefined) conditions.add('hex(key_id) LIKE ?', `${filter.keyIdPrefix.toUpperCase()}%`);
  if (filter.coin !== undefined) {
    const { denomination, serialNumber } = filter.coin;
    conditions.add(
      `(denomination = ? AND serial_number = ?)
       OR (encryption_denomination = ? AND encryption_serial_number = ?)
       OR (second_denomination = ? AND second_serial_number = ?)
       OR EXISTS (SELECT 1 FROM reconstructions r
                  WHERE r.event = sequence AND r.denomination = ? AND r.serial_number = ?)`,
      ...[denomination, serialNumber, denomination, serialNumber],
      ...[denomination, serialNumber, denomination, serialNumber],
    );
  }
  return conditions;
}

export function findEvent(database: Database, sequence: number): EventRecord | undefined {
  return database.prepare<[number], EventRecord>(`SELECT ${columns} FROM events WHERE sequence = ?`).get(sequence);
}

/** What became of each record of a Decrypt RAIDA Key. */
export function reconstructionsOf(database: Database, event: number): ReconstructionRecord[] {
  return database
    .prepare<[number], ReconstructionRecord>(
      `SELECT event, position, denomination, serial_number AS serialNumber, split_id AS splitId, authority, reason,
         previous IS NOT NULL AS revertible
       FROM reconstructions WHERE event = ? ORDER BY position`,
    )
    .all(event);
}
