import { crc32 } from 'node:zlib';
import type { Database, Statement } from 'better-sqlite3';
import { type ChatKey, encodeChatKey } from '../domain/chat-key.ts';
import type { Coin } from '../domain/coin.ts';
import { DamagedRow } from './damage.ts';

interface StoredKey {
  readonly denomination: number;
  readonly serialNumber: number;
  readonly key: Buffer;
  readonly checksum: number;
}

/** Checksum of a key's row: what was posted, and under which id. */
export function chatKeyChecksum(keyId: Buffer, chatKey: ChatKey): number {
  return crc32(encodeChatKey(chatKey), crc32(keyId));
}

export class ChatKeyReader {
  readonly #select: Statement<[Buffer], StoredKey>;
  readonly #selectOwner: Statement<[Buffer], Coin>;

  constructor(database: Database) {
    this.#select = database.prepare(
      'SELECT denomination, serial_number AS serialNumber, key, checksum FROM chat_keys WHERE key_id = ?',
    );
    this.#selectOwner = database.prepare(
      'SELECT denomination, serial_number AS serialNumber FROM chat_keys WHERE key_id = ?',
    );
  }

  /** Throws DamagedRow. */
  find(keyId: Buffer): ChatKey | undefined {
    const row = this.#select.get(keyId);
    if (row === undefined) return undefined;
    const chatKey = { coin: { denomination: row.denomination, serialNumber: row.serialNumber }, key: row.key };
    if (chatKeyChecksum(keyId, chatKey) !== row.checksum) throw new DamagedRow(`key ${keyId.toString('hex', 0, 4)}...`);
    return chatKey;
  }

  /** The coin that posted the key. */
  owner(keyId: Buffer): Coin | undefined {
    return this.#selectOwner.get(keyId);
  }
}

export class ChatKeyWriter extends ChatKeyReader {
  readonly #upsert: Statement<[Buffer, number, number, Buffer, number, number]>;

  constructor(database: Database) {
    super(database);
    this.#upsert = database.prepare(
      `INSERT INTO chat_keys (key_id, denomination, serial_number, key, checksum, posted_at, replacements, fetches)
       VALUES (?, ?, ?, ?, ?, ?, 0, 0)
       ON CONFLICT (key_id) DO UPDATE SET denomination = excluded.denomination,
         serial_number = excluded.serial_number, key = excluded.key, checksum = excluded.checksum,
         posted_at = excluded.posted_at, replacements = replacements + 1`,
    );
  }

  /** Stores a key; one that is there under the same id is replaced whole. `postedAt` in milliseconds since 1970. */
  put(keyId: Buffer, chatKey: ChatKey, postedAt: number): void {
    const { coin, key } = chatKey;
    const checksum = chatKeyChecksum(keyId, chatKey);
    this.#upsert.run(keyId, coin.denomination, coin.serialNumber, key, checksum, postedAt);
  }
}
