import type { Database, Statement } from 'better-sqlite3';
import { pruneAction, writeChainStart } from './event-chain.ts';
import type { EventHead } from './events.ts';
import type { Writer } from './store.ts';
import { type StoredKey, storedKeyColumns } from './stored-key.ts';

export interface PurgePiece {
  readonly position: number;
  readonly before: number;
  readonly now: number;
  readonly count: number;
}

/** Removes what is older than its retention, one small batch in each transaction of its caller. */
export class Retention {
  readonly #database: Database;
  readonly #selectKeys: Statement<[number, number], StoredKey>;
  readonly #selectEvents: Statement<[number], EventHead>;
  readonly #deleteEvents: Statement<[number]>;
  readonly #deleteReconstructions: Statement<[number]>;

  constructor(database: Database) {
    this.#database = database;
    this.#selectKeys = database.prepare(
      `SELECT ${storedKeyColumns} FROM chat_keys WHERE number > ? ORDER BY number LIMIT ?`,
    );
    this.#selectEvents = database.prepare('SELECT sequence, hash, time FROM events ORDER BY sequence LIMIT ?');
    this.#deleteEvents = database.prepare('DELETE FROM events WHERE sequence <= ?');
    this.#deleteReconstructions = database.prepare('DELETE FROM reconstructions WHERE event <= ?');
  }

  /**
   * Looks at the keys after `position` (0 at first), at most `count`, and removes those posted before `before` (milliseconds
   * since 1970), leaving an event for each. Returns how many went, and the next position; undefined after the last key.
   */
  purgeKeys(
    writer: Writer,
    { position, before, now, count }: PurgePiece,
  ): { removed: number; next: number | undefined } {
    const rows = this.#selectKeys.all(position, count);
    const old = rows.filter((row) => row.postedAt < before);
    for (const { keyId, denomination, serialNumber } of old) {
      writer.chatKeys.remove(keyId);
      const claimedCoin = { denomination, serialNumber };
      writer.events.append({ time: now, action: 'key-purged', keyId, claimedCoin });
    }
    return { removed: old.length, next: rows.length < count ? undefined : rows.at(-1)?.number };
  }

  /**
   * Removes the oldest events, at most `count`, as far as they are older than `before` and indexed. The chain stays whole:
   * where it now starts is stored, and an event records it. Returns how many went.
   */
  pruneEvents(writer: Writer, before: number, now: number, count: number): number {
    const indexed = writer.eventIndex.follower.through;
    const oldest = this.#selectEvents.all(count);
    const kept = oldest.findIndex((event) => event.time >= before || event.sequence > indexed);
    const old = kept === -1 ? oldest : oldest.slice(0, kept);
    const [first] = old;
    const last = old.at(-1);
    if (first === undefined || last === undefined) return 0;
    writer.eventIndex.remove({ low: first.sequence, high: last.sequence });
    this.#deleteReconstructions.run(last.sequence);
    writeChainStart(this.#database, last);
    const details = { removed: old.length, sequence: last.sequence, hash: last.hash.toString('hex') };
    writer.events.append({ time: now, action: pruneAction, details });
    this.#deleteEvents.run(last.sequence);
    return old.length;
  }
}
