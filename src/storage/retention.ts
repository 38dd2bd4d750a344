import type { Database, Statement } from 'better-sqlite3';
import { pruneAction, writeChainStart } from './event-chain.ts';
import type { EventHead } from './events.ts';
import type { Writer } from './store.ts';

/** Work done at once: small enough that a serving node's clients do not notice. */
const keysLookedAt = 1_000;
const eventsPerBatch = 500;

/** Removes what is older than its retention, one small batch in each transaction of its caller. */
export class Retention {
  readonly #database: Database;
  readonly #selectKeys: Statement<[Buffer, number], { keyId: Buffer; postedAt: number }>;
  readonly #selectEvents: Statement<[number], EventHead>;
  readonly #deleteEvents: Statement<[number]>;
  readonly #deleteReconstructions: Statement<[number]>;
  #keyPosition: Buffer = Buffer.alloc(0);

  constructor(database: Database) {
    this.#database = database;
    this.#selectKeys = database.prepare(
      'SELECT key_id AS keyId, posted_at AS postedAt FROM chat_keys WHERE key_id > ? ORDER BY key_id LIMIT ?',
    );
    this.#selectEvents = database.prepare('SELECT sequence, hash, time FROM events ORDER BY sequence LIMIT ?');
    this.#deleteEvents = database.prepare('DELETE FROM events WHERE sequence <= ?');
    this.#deleteReconstructions = database.prepare('DELETE FROM reconstructions WHERE event <= ?');
  }

  /**
   * Looks at the next keys and removes those posted before `before` (milliseconds since 1970). Returns how many went, and
   * whether the last key was reached.
   */
  purgeKeys(writer: Writer, before: number, now: number): { removed: number; done: boolean } {
    const rows = this.#selectKeys.all(this.#keyPosition, keysLookedAt);
    const old = rows.filter((row) => row.postedAt < before);
    for (const { keyId } of old) writer.chatKeys.remove(keyId);
    if (old.length > 0) {
      const details = { removed: old.length, postedBefore: new Date(before).toISOString() };
      writer.events.append({ time: now, action: 'keys-purged', details });
    }
    const done = rows.length < keysLookedAt;
    this.#keyPosition = done ? Buffer.alloc(0) : (rows.at(-1)?.keyId ?? Buffer.alloc(0));
    return { removed: old.length, done };
  }

  /**
   * Removes the oldest events as far as they are older than `before`. The chain stays whole: where it now starts is
   * stored, and an event records it. Returns how many went.
   */
  pruneEvents(writer: Writer, before: number, now: number): number {
    const oldest = this.#selectEvents.all(eventsPerBatch);
    const kept = oldest.findIndex((event) => event.time >= before);
    const old = kept === -1 ? oldest : oldest.slice(0, kept);
    const [first] = old;
    const last = old.at(-1);
    if (first === undefined || last === undefined) return 0;
    writer.eventIndex.removeThrough(first.sequence, last.sequence);
    this.#deleteReconstructions.run(last.sequence);
    writeChainStart(this.#database, last);
    const details = { removed: old.length, sequence: last.sequence, hash: last.hash.toString('hex') };
    writer.events.append({ time: now, action: pruneAction, details });
    this.#deleteEvents.run(last.sequence);
    return old.length;
  }
}
