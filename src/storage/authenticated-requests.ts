import { Buffer } from 'node:buffer';
import type { Database, Statement } from 'better-sqlite3';
import { copyBytes } from '../bytes/copy.ts';
import { u8, u16 } from '../bytes/numbers.ts';
import { struct } from '../bytes/struct.ts';
import { rowChecksum } from './checksum.ts';
import { DamagedRow } from './damage.ts';

/** A request that wrote, and what it was answered, as the database keeps them. */
export interface StoredRequest {
  readonly identity: Buffer;
  /** Its HMAC, or a digest of its body. */
  readonly body: Buffer;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly status: number;
  readonly payload: Buffer;
}

/** The newest request of a transaction; in `others` those before it. */
interface Row extends StoredRequest {
  readonly number: number;
  readonly others: Buffer | null;
  readonly checksum: number;
}

/** Each of the others: this, then identity, body and payload. */
const otherHead = struct({ status: u8, identitySize: u8, bodySize: u8, payloadSize: u16 });

/** The oldest are removed so many at a time. */
const prunedTogether = 1_024;
const columns = 'number, time, identity, body, status, payload, others, checksum';

/**
 * Authenticated requests that wrote, in the order of their coming. Those of one transaction share a row: a row for each
 * took a seventh of a post.
 */
export class AuthenticatedRequests {
  readonly #insert: Statement<[number, number, Buffer, Buffer, number, Buffer, Buffer | null, number]>;
  readonly #selectLast: Statement<[], number>;
  readonly #deleteThrough: Statement<[number]>;
  readonly #selectNewest: Statement<[number], Row>;
  readonly #kept: number;

  /** At least the newest `kept` are kept. */
  constructor(database: Database, kept: number) {
    this.#kept = kept;
    this.#insert = database.prepare(
      `INSERT INTO authenticated_requests (${columns}) VALUES (?, ?, ?, ?, ?, coalesce(?, zeroblob(0)), ?, ?)`,
    );
    this.#selectLast = database
      .prepare<[], number>('SELECT coalesce(max(number), 0) FROM authenticated_requests')
      .pluck();
    this.#deleteThrough = database.prepare('DELETE FROM authenticated_requests WHERE number <= ?');
    this.#selectNewest = database.prepare(
      `SELECT ${columns} FROM authenticated_requests
       WHERE number > (SELECT max(number) FROM authenticated_requests) - ? ORDER BY number`,
    );
  }

  /** The oldest first. Throws DamagedRow. */
  *newest(): Generator<StoredRequest> {
    for (const row of this.#selectNewest.iterate(this.#kept)) {
      if (!isSound(row)) throw new DamagedRow(`authenticated request ${row.number}`);
      if (row.others !== null) yield* decodeOthers(row.others, row.time);
      yield row;
    }
  }

  /** Appends the requests of a transaction, within it. */
  append(requests: readonly StoredRequest[]): void {
    let first = 0;
    for (let next = 1; next <= requests.length; next += 1) {
      // A row has one time.
      if (requests[next]?.time === requests[first]?.time) continue;
      this.#appendTogether(requests.slice(first, next));
      first = next;
    }
  }

  #appendTogether(requests: readonly StoredRequest[]): void {
    const last = requests.at(-1);
    if (last === undefined) return;
    const before = this.#selectLast.get() ?? 0;
    const number = before + requests.length;
    const others = requests.length === 1 ? null : encodeOthers(requests.slice(0, -1));
    const { time, identity, body, status, payload } = last;
    const checksum = checksumOf({ ...last, number, others });
    this.#insert.run(number, time, identity, body, status, payload, others, checksum);
    if (Math.floor(number / prunedTogether) > Math.floor(before / prunedTogether))
      this.#deleteThrough.run(number - this.#kept);
  }
}

/** What is wrong with the rows, in words; nothing where all are sound. Of older schemas as well: they are backed up before an upgrade. */
export function requestFaults(database: Database): string[] {
  const names = database
    .prepare<[], string>("SELECT name FROM pragma_table_info('authenticated_requests')")
    .pluck()
    .all();
  const known = names.includes('others') ? columns : columns.replace('others', 'NULL AS others');
  const faults: string[] = [];
  for (const row of database.prepare<[], Row>(`SELECT ${known} FROM authenticated_requests`).iterate()) {
    if (!isSound(row)) faults.push(`authenticated request ${row.number} is damaged`);
  }
  return faults;
}

/** Rows as version 0.2.0 wrote them have no others, and their number is not in their checksum. */
function isSound(row: Row): boolean {
  if (checksumOf(row) === row.checksum) return true;
  const { time, identity, body, status, payload, others, checksum } = row;
  return others === null && rowChecksum([time, identity, body, status, payload]) === checksum;
}

function checksumOf({ number, time, identity, body, status, payload, others }: Omit<Row, 'checksum'>): number {
  const alone = [number, time, identity, body, status, payload];
  return rowChecksum(others === null ? alone : [...alone, others]);
}

function encodeOthers(requests: readonly StoredRequest[]): Buffer {
  const sizes = requests.map(({ identity, body, payload }) => identity.length + body.length + payload.length);
  const bytes = Buffer.allocUnsafe(sizes.reduce((total, size) => total + otherHead.size + size, 0));
  let place = 0;
  for (const { status, identity, body, payload } of requests) {
    otherHead.at.status.set(bytes, place, status);
    otherHead.at.identitySize.set(bytes, place, identity.length);
    otherHead.at.bodySize.set(bytes, place, body.length);
    otherHead.at.payloadSize.set(bytes, place, payload.length);
    place += otherHead.size;
    for (const part of [identity, body, payload]) {
      copyBytes(part, 0, bytes, place, part.length);
      place += part.length;
    }
  }
  return bytes;
}

function* decodeOthers(bytes: Buffer, time: number): Generator<StoredRequest> {
  for (let start = 0; start < bytes.length; ) {
    const { status, identitySize, bodySize, payloadSize } = otherHead.read(bytes, start);
    const identityStart = start + otherHead.size;
    const bodyStart = identityStart + identitySize;
    const payloadStart = bodyStart + bodySize;
    start = payloadStart + payloadSize;
    yield {
      identity: bytes.subarray(identityStart, bodyStart),
      body: bytes.subarray(bodyStart, payloadStart),
      time,
      status,
      payload: bytes.subarray(payloadStart, start),
    };
  }
}
