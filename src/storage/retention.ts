import type { Database, Statement } from 'better-sqlite3';
import { type StoredKey, storedKeyColumns } from './chat-keys.ts';
import { pruneAction, writeChainStart } from './event-chain.ts';
import type { EventHead } from './events.ts';
import type { Writer } from './store.ts';

/** Removes what is older than its retention, one small batch in each transaction of its caller. */
export class Retention {
  readonly #database: Database;
  readonly #selectKeys: Statement<[number, number], StoredKey>;
  readonly #selectEvents: Statement<[number], EventHead>;
  readonly #deleteEvents: Statement<[number]>;
  readonly #deleteReconstructions: Statement<[number]>;
  #keyPosition = 0;

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
   * Looks at the next keys, at most `count`, and removes those posted before `before` (milliseconds since 1970), leaving an
   * event for each. Returns how many went, and whether the last key was reached.
   */
  purgeKeys(writer: Writer, before: number, now: number, count: number): { removed: number; done: boolean } {
    const rows = this.#selectKeys.all(this.#keyPosition, count);
    const old = rows.filter((row) => row.postedAt < before);
    for (const { keyId, denomination, serialNumber } of old) {
      writer.chatKeys.remove(keyId);
      const claimedCoin = { denomination, serialNumber };
      writer.events.append({ time: now, action: 'key-purged', keyId, claimedCoin });
    }
    const done = rows.length < count;
    this.#keyPosition = done ? 0 : (rows.at(-1)?.number ?? 0);
    return { removed: old.length, done };
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
