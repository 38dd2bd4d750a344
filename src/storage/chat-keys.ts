import type { Database, Statement } from 'better-sqlite3';
import type { ChatKey } from '../domain/chat-key.ts';
import type { Coin } from '../domain/coin.ts';
import { rowChecksum } from './checksum.ts';
import { DamagedRow } from './damage.ts';

/** A row of chat_keys without its id. */
export interface StoredKey {
  readonly denomination: number;
  readonly serialNumber: number;
  readonly key: Buffer;
  readonly postedAt: number;
  readonly replacements: number;
  readonly fetches: number;
  readonly lastEvent: number | null;
  readonly checksum: number;
}

/** Checksum of a key's row: everything in it. */
export function chatKeyChecksum(keyId: Buffer, row: Omit<StoredKey, 'checksum'>): number {
  const { denomination, serialNumber, key, postedAt, replacements, fetches, lastEvent } = row;
  return rowChecksum([keyId, denomination, serialNumber, key, postedAt, replacements, fetches, lastEvent]);
}

export class ChatKeyReader {
  readonly #select: Statement<[Buffer], StoredKey>;

  constructor(database: Database) {
    this.#select = database.prepare(
      `SELECT denomination, serial_number AS serialNumber, key, posted_at AS postedAt, replacements, fetches,
         last_event AS lastEvent, checksum
       FROM chat_keys WHERE key_id = ?`,
    );
  }

  find(keyId: Buffer): ChatKey | undefined {
    const row = this.row(keyId);
    return row && { coin: { denomination: row.denomination, serialNumber: row.serialNumber }, key: row.key };
  }

  /** The coin that posted the key. */
  owner(keyId: Buffer): Coin | undefined {
    return this.row(keyId);
  }

  /** The stored row, its checksum proved. Throws DamagedRow. */
  protected row(keyId: Buffer): StoredKey | undefined {
    const row = this.#select.get(keyId);
    if (row !== undefined && chatKeyChecksum(keyId, row) !== row.checksum) {
      throw new DamagedRow(`key ${keyId.toString('hex', 0, 4)}...`);
    }
    return row;
  }
}

export class ChatKeyWriter extends ChatKeyReader {
  readonly #upsert: Statement<[Buffer, number, number, Buffer, number, number, number, number | null, number]>;
  readonly #updateTrace: Statement<[number, number, number, Buffer]>;
  readonly #delete: Statement<[Buffer]>;

  constructor(database: Database) {
    super(database);
    this.#upsert = database.prepare(
      `INSERT INTO chat_keys (key_id, denomination, serial_number, key, posted_at, replacements, fetches, last_event, checksum)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (key_id) DO UPDATE SET denomination = excluded.denomination,
         serial_number = excluded.serial_number, key = excluded.key, posted_at = excluded.posted_at,
         replacements = excluded.replacements, checksum = excluded.checksum`,
    );
    this.#updateTrace = database.prepare(
      'UPDATE chat_keys SET last_event = ?, fetches = ?, checksum = ? WHERE key_id = ?',
    );
    this.#delete = database.prepare('DELETE FROM chat_keys WHERE key_id = ?');
  }

  /** Stores a key; one that is there under the same id is replaced whole. `postedAt` in milliseconds since 1970. */
  put(keyId: Buffer, { coin, key }: ChatKey, postedAt: number): void {
    const { denomination, serialNumber } = coin;
    const before = this.row(keyId);
    const replacements = before === undefined ? 0 : before.replacements + 1;
    const fetches = before?.fetches ?? 0;
    const lastEvent = before?.lastEvent ?? null;
    const row = { denomination, serialNumber, key, postedAt, replacements, fetches, lastEvent };
    const checksum = chatKeyChecksum(keyId, row);
    this.#upsert.run(keyId, denomination, serialNumber, key, postedAt, replacements, fetches, lastEvent, checksum);
  }

  /**
   * Links an event to its key, if there is one, and counts a fetch. Returns the event that was the latest before; the
   * row of a damaged key is left as it is.
   */
  trace(keyId: Buffer, event: number, fetched: boolean): number | null {
    const row = this.#soundRow(keyId);
    if (row === undefined) return null;
    const changed = { ...row, lastEvent: event, fetches: row.fetches + (fetched ? 1 : 0) };
    this.#updateTrace.run(event, changed.fetches, chatKeyChecksum(keyId, changed), keyId);
    return row.lastEvent;
  }

  remove(keyId: Buffer): void {
    this.#delete.run(keyId);
  }

  #soundRow(keyId: Buffer): StoredKey | undefined {
    try {
      return this.row(keyId);
    } catch (error) {
      if (error instanceof DamagedRow) return undefined;
      throw error;
    }
  }
}
