import type { Database } from 'better-sqlite3';
import { indexedThrough, timeBlockSize } from '../event-index.ts';
import { type EventFilter, eventConditions, keyIdBounds } from './event-filter.ts';
import { type EventRecord, eventColumns } from './events.ts';
import { pages, rowsLookedAt } from './paging.ts';

export interface EventOrder {
  readonly newestFirst: boolean;
  readonly limit: number;
}

/** Sequence numbers, both ends included. */
interface Span {
  readonly low: number;
  readonly high: number;
}

const candidatesPerRead = 1_000;
/** With fewer digits than this an id names so many events that reading the log in order is as good. */
const prefixDigitsMin = 3;

/**
 * Streams the events that fit, oldest or newest first. What a coin or a key is concerned by is found through its index as
 * far as that has followed the log, and by reading the log after that; stretches whose times cannot fit are passed over.
 */
export function* listEvents(database: Database, filter: EventFilter, order: EventOrder): Generator<EventRecord> {
  const { first, last } = bounds(database);
  const start = Math.max(first, (filter.after ?? 0) + 1);
  const through = Math.min(last, indexedThrough(database));
  const indexed = { low: start, high: through };
  const recent = { low: Math.max(start, through + 1), high: last };
  const candidates = candidateSource(database, filter, order);
  const searches = [
    () =>
      candidates === undefined
        ? scan(database, filter, order, indexed)
        : fetch(database, filter, order, indexed, candidates),
    () => scan(database, filter, order, recent),
  ];
  if (order.newestFirst) searches.reverse();
  let left = order.limit;
  for (const search of searches) {
    for (const event of search()) {
      if (left <= 0) return;
      left -= 1;
      yield event;
    }
  }
}

function bounds(database: Database): { first: number; last: number } {
  const found = database
    .prepare<[], { first: number | null; last: number | null }>(
      'SELECT (SELECT min(sequence) FROM events) AS first, (SELECT max(sequence) FROM events) AS last',
    )
    .get();
  return { first: found?.first ?? 1, last: found?.last ?? 0 };
}

/** The next sequence numbers within a span that an index names, in the order of the search. */
type CandidateSource = (span: Span) => number[];

function candidateSource(
  database: Database,
  filter: EventFilter,
  { newestFirst }: EventOrder,
): CandidateSource | undefined {
  const direction = newestFirst ? 'DESC' : 'ASC';
  if (filter.keyIdPrefix !== undefined && filter.keyIdPrefix.length >= prefixDigitsMin) {
    const [least, greatest] = keyIdBounds(filter.keyIdPrefix);
    const select = database
      .prepare<[Buffer, Buffer, number, number, number], number>(
        `SELECT sequence FROM key_events WHERE key_id BETWEEN ? AND ? AND sequence BETWEEN ? AND ?
         ORDER BY sequence ${direction} LIMIT ?`,
      )
      .pluck();
    return ({ low, high }) => select.all(least, greatest, low, high, candidatesPerRead);
  }
  if (filter.coin === undefined) return undefined;
  const { denomination, serialNumber } = filter.coin;
  const select = database
    .prepare<number[], number>(
      `SELECT sequence FROM coin_events WHERE denomination = ? AND serial_number = ? AND sequence BETWEEN ? AND ?
       ORDER BY sequence ${direction} LIMIT ?`,
    )
    .pluck();
  return ({ low, high }) => select.all(denomination, serialNumber, low, high, candidatesPerRead);
}

/** Fetches the candidates of an index that fit the rest of the filter. */
function fetch(
  database: Database,
  filter: EventFilter,
  { newestFirst }: EventOrder,
  span: Span,
  candidates: CandidateSource,
): Generator<EventRecord> {
  const conditions = eventConditions(filter);
  const select = database.prepare<unknown[], EventRecord>(
    `SELECT ${eventColumns} FROM events WHERE sequence IN (SELECT value FROM json_each(?)) AND ${conditions.sql}
     ORDER BY sequence ${newestFirst ? 'DESC' : 'ASC'}`,
  );
  return pages(span, Number.MAX_SAFE_INTEGER, (rest: Span) => {
    const found = candidates(rest);
    const rows = select.all(JSON.stringify(found), ...conditions.parameters);
    const end = found.length < candidatesPerRead ? undefined : found.at(-1);
    return { rows, position: end === undefined ? undefined : restAfter(rest, end, newestFirst) };
  });
}

/** Reads the log itself, a stretch at a time. */
function scan(
  database: Database,
  filter: EventFilter,
  { newestFirst }: EventOrder,
  span: Span,
): Generator<EventRecord> {
  const conditions = eventConditions(filter);
  const select = database.prepare<unknown[], EventRecord>(
    `SELECT ${eventColumns} FROM events WHERE sequence BETWEEN ? AND ? AND ${conditions.sql}
     ORDER BY sequence ${newestFirst ? 'DESC' : 'ASC'} LIMIT ?`,
  );
  const nextPossible = timeSkipper(database, filter, newestFirst);
  return pages(span, Number.MAX_SAFE_INTEGER, (rest: Span, count) => {
    const from = nextPossible(rest);
    if (from === undefined || from.low > from.high) return { rows: [], position: undefined };
    const stretch = newestFirst
      ? { low: Math.max(from.low, from.high - rowsLookedAt + 1), high: from.high }
      : { low: from.low, high: Math.min(from.high, from.low + rowsLookedAt - 1) };
    const rows = select.all(stretch.low, stretch.high, ...conditions.parameters, count);
    const full = rows.length === count ? rows.at(-1)?.sequence : undefined;
    const end = full ?? (newestFirst ? stretch.low : stretch.high);
    return { rows, position: restAfter(from, end, newestFirst) };
  });
}

function restAfter({ low, high }: Span, end: number, newestFirst: boolean): Span | undefined {
  const rest = newestFirst ? { low, high: end - 1 } : { low: end + 1, high };
  return rest.low > rest.high ? undefined : rest;
}

/** Says where within a span the first event stands whose time can fit; undefined where there is none. */
function timeSkipper(database: Database, filter: EventFilter, newestFirst: boolean): (span: Span) => Span | undefined {
  if (filter.since === undefined && filter.until === undefined) return (span) => span;
  const through = indexedThrough(database);
  const select = database
    .prepare<number[], number>(
      `SELECT block FROM event_times WHERE block BETWEEN ? AND ? AND time_max >= ? AND time_min <= ?
       ORDER BY block ${newestFirst ? 'DESC' : 'ASC'} LIMIT 1`,
    )
    .pluck();
  const since = filter.since ?? Number.MIN_SAFE_INTEGER;
  const until = filter.until ?? Number.MAX_SAFE_INTEGER;
  return ({ low, high }) => {
    if (low > through) return { low, high };
    const block = select.get(Math.floor(low / timeBlockSize), Math.floor(high / timeBlockSize), since, until);
    if (block === undefined) return undefined;
    return newestFirst
      ? { low, high: Math.min(high, (block + 1) * timeBlockSize - 1) }
      : { low: Math.max(low, block * timeBlockSize), high };
  };
}
