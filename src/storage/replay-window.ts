import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';
import type { Database, Statement } from 'better-sqlite3';
import { rowChecksum } from './checksum.ts';
import { DamagedRow } from './damage.ts';
import { type RememberedRequest, RequestTable } from './request-table.ts';
import { hashOf } from './secret-hash.ts';

/** What makes an authenticated request this request. */
export interface RequestIdentity {
  /** What no other request may share with it: command, encryption type, coins, nonce, challenge. */
  readonly identity: Buffer;
  readonly body: Buffer;
}

/** What a request was answered, and when it first came. */
export interface Answered {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly status: number;
  readonly payload: Buffer;
}

/** What is known of a request: nothing, the very same bytes, or its identity with other bytes. */
export type Known =
  | { readonly kind: 'new' }
  | { readonly kind: 'same'; readonly answered: Answered }
  | { readonly kind: 'other' };

const unknown: Known = { kind: 'new' };

interface StoredRequest {
  readonly number: number;
  readonly time: number;
  readonly identity: Buffer;
  readonly body: Buffer;
  readonly status: number;
  readonly payload: Buffer;
  readonly checksum: number;
}

/** At least so many requests are remembered, and at most half as many more: the oldest are forgotten together, whoever sent them. */
const rememberedMin = 65_536;
const forgottenTogether = 32_768;
/** On disk the oldest are removed so many at a time. */
const prunedTogether = 1_024;
const digestSize = 16;
/** Bodies up to this size are kept in memory as they are: a digest takes ten times as long. */
const bodySizeKept = 96;

const columns = 'number, time, identity, body, status, payload, checksum';

/**
 * Authenticated requests of late and their answers: those that wrote also across a restart.
 */
export class ReplayWindow {
  readonly #insert: Statement<[number, number, Buffer, Buffer, number, Buffer, number]>;
  readonly #deleteThrough: Statement<[number]>;
  /** The newest first. */
  #generations = [new RequestTable(forgottenTogether)];
  /** What the transaction at hand has added, for its rollback. */
  readonly #added: Buffer[] = [];
  #newest = 0;

  /** Throws DamagedRow. */
  constructor(database: Database) {
    this.#insert = database.prepare(
      `INSERT INTO authenticated_requests (${columns}) VALUES (?, ?, ?, ?, ?, coalesce(?, zeroblob(0)), ?)`,
    );
    this.#deleteThrough = database.prepare('DELETE FROM authenticated_requests WHERE number <= ?');
    const stored = database.prepare<[number], StoredRequest>(
      `SELECT ${columns} FROM (SELECT ${columns} FROM authenticated_requests ORDER BY number DESC LIMIT ?) ORDER BY number`,
    );
    for (const row of stored.iterate(rememberedMin)) {
      if (storedChecksum(row) !== row.checksum) throw new DamagedRow(`authenticated request ${row.number}`);
      this.#hold(row.identity, { ...row, isDigest: true });
      this.#newest = row.number;
    }
  }

  look({ identity, body }: RequestIdentity): Known {
    const found = this.#find(identity);
    if (found === undefined) return unknown;
    if (!found.body.equals(found.isDigest ? digestOf(body) : body)) return { kind: 'other' };
    const { time, status, payload } = found;
    return { kind: 'same', answered: { time, status, payload: Buffer.from(payload) } };
  }

  /** Remembers what a new request was answered; on disk, within the transaction at hand, where it `wrote`. */
  remember({ identity, body }: RequestIdentity, answered: Answered, wrote: boolean): void {
    const isDigest = wrote || body.length > bodySizeKept;
    const kept = isDigest ? digestOf(body) : body;
    const { time, status, payload } = answered;
    this.#hold(identity, { body: kept, isDigest, time, status, payload });
    this.#added.push(identity);
    if (wrote) {
      this.#newest += 1;
      const row = { time, identity, body: kept, status, payload };
      this.#insert.run(this.#newest, time, identity, kept, status, payload, storedChecksum(row));
      if (this.#newest % prunedTogether === 0) this.#deleteThrough.run(this.#newest - rememberedMin);
    }
  }

  #find(identity: Buffer): RememberedRequest | undefined {
    const hash = hashOf(identity);
    for (const generation of this.#generations) {
      const place = generation.placeOf(identity, hash);
      if (place !== undefined) return generation.at(place);
    }
    return undefined;
  }

  #hold(identity: Buffer, remembered: RememberedRequest): void {
    const [newest] = this.#generations;
    const hash = hashOf(identity);
    // Where nonces may come again, the latest request counts.
    newest?.delete(identity, hash);
    newest?.add(identity, hash, remembered);
    if (newest?.isFull === true) this.#forgetOldest();
  }

  /** Makes room for as many as it forgets, in the same memory. */
  #forgetOldest(): void {
    const kept = this.#generations.slice(0, rememberedMin / forgottenTogether);
    const next = this.#generations[kept.length] ?? new RequestTable(forgottenTogether);
    next.clear();
    this.#generations = [next, ...kept];
  }

  get mark(): number {
    return this.#added.length;
  }

  commit(): void {
    this.#added.length = 0;
  }

  rollBackTo(mark: number): void {
    // The latest first, which gives their places back: what is undone forgets nothing else.
    for (const identity of this.#added.splice(mark).reverse()) {
      const hash = hashOf(identity);
      for (const generation of this.#generations) generation.delete(identity, hash);
    }
  }
}

/** Checksum of a stored request: everything in it but its number. */
export function storedChecksum(row: Omit<StoredRequest, 'number' | 'checksum'>): number {
  const { time, identity, body, status, payload } = row;
  return rowChecksum([time, identity, body, status, payload]);
}

function digestOf(body: Buffer): Buffer {
  return hash('sha256', body, 'buffer').subarray(0, digestSize);
}
