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
  readonly checksum: number;
}

/** Checksum of a key's row: everything in it. */
export function chatKeyChecksum(keyId: Buffer, row: Omit<StoredKey, 'checksum'>): number {
  const { denomination, serialNumber, key, postedAt, replacements } = row;
  return rowChecksum([keyId, denomination, serialNumber, key, postedAt, replacements]);
}

export class ChatKeyReader {
  readonly #select: Statement<[Buffer], StoredKey>;

  constructor(database: Database) {
    this.#select = database.prepare(
      `SELECT denomination, serial_number AS serialNumber, key, posted_at AS postedAt, replacements, checksum
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
  readonly #upsert: Statement<[Buffer, number, number, Buffer, number, number, number]>;
  readonly #delete: Statement<[Buffer]>;

  constructor(database: Database) {
    super(database);
    this.#upsert = database.prepare(
      `INSERT INTO chat_keys (key_id, denomination, serial_number, key, posted_at, replacements, checksum)
       VALUES (?, ?, ?, coalesce(?, zeroblob(0)), ?, ?, ?)
       ON CONFLICT (key_id) DO UPDATE SET denomination = excluded.denomination,
         serial_number = excluded.serial_number, key = excluded.key, posted_at = excluded.posted_at,
         replacements = excluded.replacements, checksum = excluded.checksum`,
    );
    this.#delete = database.prepare('DELETE FROM chat_keys WHERE key_id = ?');
  }

  /**
   * Stores a key, which may be empty (the driver binds an empty buffer as NULL); one that is there under the same id is replaced whole.
   * `postedAt` in milliseconds since 1970.
   */
  put(keyId: Buffer, { coin, key }: ChatKey, postedAt: number): void {
    const { denomination, serialNumber } = coin;
    const before = this.row(keyId);
    const replacements = before === undefined ? 0 : before.replacements + 1;
    const row = { denomination, serialNumber, key, postedAt, replacements };
    const checksum = chatKeyChecksum(keyId, row);
    this.#upsert.run(keyId, denomination, serialNumber, key, postedAt, replacements, checksum);
  }

  remove(keyId: Buffer): void {
    this.#delete.run(keyId);
  }
}
