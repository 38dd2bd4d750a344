import type { Database } from 'better-sqlite3';
import { allDenominations, pagesPerDenomination, recordsPerPage } from '../../domain/coin.ts';
import { isMarkedInUse } from '../../domain/free-pages.ts';

export interface DenominationRow {
  readonly denomination: number;
  readonly pages: number;
  readonly inUse: number;
  readonly free: number;
}

/** Pages and coins of each denomination. Coins of pages that do not exist yet are free. */
export function denominationStatistics(database: Database): DenominationRow[] {
  const rows = database
    .prepare<[], { denomination: number; pages: number; inUse: number }>(
      `SELECT denomination, count(*) AS pages, sum(in_use) AS inUse
       FROM free_pages JOIN coin_pages ON id = page_id GROUP BY denomination`,
    )
    .all();
  return allDenominations().map((denomination) => {
    const { pages = 0, inUse = 0 } = rows.find((row) => row.denomination === denomination) ?? {};
    return { denomination, pages, inUse, free: pagesPerDenomination * recordsPerPage - inUse };
  });
}

/** The lowest free serial numbers of a denomination. */
export function* freeSerialNumbers(database: Database, denomination: number): Generator<number> {
  const bitmap = database
    .prepare<[number, number], Buffer>(
      'SELECT bitmap FROM free_pages JOIN coin_pages ON id = page_id WHERE denomination = ? AND page_number = ?',
    )
    .pluck();
  for (let pageNumber = 0; pageNumber < pagesPerDenomination; pageNumber += 1) {
    const bits = bitmap.get(denomination, pageNumber);
    for (let index = 0; index < recordsPerPage; index += 1) {
      if (bits === undefined || !isMarkedInUse(bits, index)) yield pageNumber * recordsPerPage + index;
    }
  }
}

export interface KeyStatistics {
  readonly keys: number;
  readonly bytes: number;
  readonly replaced: number;
  readonly oldest: number | null;
  readonly newest: number | null;
}

/** Sums over all keys, gathered in short reads. */
export function keyStatistics(database: Database): KeyStatistics {
  const part = database.prepare<[number, number], KeyStatistics & { last: number | null }>(
    `SELECT count(*) AS keys, coalesce(sum(length(key)), 0) AS bytes, coalesce(sum(replacements > 0), 0) AS replaced,
       min(posted_at) AS oldest, max(posted_at) AS newest, max(number) AS last
     FROM (SELECT * FROM chat_keys WHERE number > ? ORDER BY number LIMIT ?)`,
  );
  let total: KeyStatistics = {
    keys: 0,
    bytes: 0,
    replaced: 0,
    oldest: null,
    newest: null,
  };
  let position = 0;
  for (;;) {
    const some = part.get(position, rowsPerRead);
    if (some === undefined || some.last === null) return total;
    position = some.last;
    total = {
      keys: total.keys + some.keys,
      bytes: total.bytes + some.bytes,
      replaced: total.replaced + some.replaced,
      oldest: least(total.oldest, some.oldest),
      newest: greatest(total.newest, some.newest),
    };
  }
}

const rowsPerRead = 20_000;

function least(one: number | null, other: number | null): number | null {
  return one === null || other === null ? (one ?? other) : Math.min(one, other);
}

function greatest(one: number | null, other: number | null): number | null {
  return one === null || other === null ? (one ?? other) : Math.max(one, other);
}

export interface EventCount {
  readonly action: string;
  readonly status: number | null;
  count: number;
}

/** Events for each action and status, gathered in short reads. */
export function eventStatistics(database: Database): EventCount[] {
  const part = database.prepare<[number, number], EventCount>(
    `SELECT action, status, count(*) AS count FROM events WHERE sequence > ? AND sequence <= ? GROUP BY action, status`,
  );
  const { first, last } = database
    .prepare<[], { first: number | null; last: number | null }>(
      'SELECT (SELECT min(sequence) FROM events) AS first, (SELECT max(sequence) FROM events) AS last',
    )
    .get() ?? { first: null, last: null };
  const counts = new Map<string, EventCount>();
  for (let position = (first ?? 1) - 1; position < (last ?? 0); position += rowsPerRead) {
    for (const row of part.all(position, position + rowsPerRead)) {
      const name = `${row.action} ${row.status}`;
      const known = counts.get(name);
      if (known === undefined) counts.set(name, row);
      else known.count += row.count;
    }
  }
  return [...counts.values()].sort((one, other) => other.count - one.count);
}
