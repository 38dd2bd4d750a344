import type { Database } from 'better-sqlite3';
import type { ChatKey } from '../domain/chat-key.ts';
import type { PageAddress } from '../domain/coin-page.ts';
import { ChatKeyReader } from './chat-keys.ts';
import { CoinPageReader } from './coin-pages.ts';
import { type NodeIdentity, readIdentity } from './settings.ts';

const keysPerPage = 500;

/** Reads a node out page by page, each in a transaction of its own, so that a serving node's WAL is never pinned. */
export class Export {
  readonly #database: Database;
  readonly #coins: CoinPageReader;
  readonly #chatKeys: ChatKeyReader;

  constructor(database: Database) {
    this.#database = database;
    this.#coins = new CoinPageReader(database);
    this.#chatKeys = new ChatKeyReader(database);
  }

  identity(): NodeIdentity {
    const identity = readIdentity(this.#database);
    if (identity === undefined) throw new Error('the database belongs to no node');
    return identity;
  }

  pageAddresses(): PageAddress[] {
    return this.#database
      .prepare<[], PageAddress>('SELECT denomination, page_number AS pageNumber FROM coin_pages ORDER BY id')
      .all();
  }

  page(address: PageAddress): Buffer {
    const page = this.#coins.page(address);
    if (page === undefined) throw new Error('a coin page disappeared');
    return page;
  }

  keyCount(): number {
    return this.#database.prepare<[], number>('SELECT count(*) FROM chat_keys').pluck().get() ?? 0;
  }

  *keys(): Generator<{ keyId: Buffer; chatKey: ChatKey }> {
    const next = this.#database
      .prepare<[Buffer, number], Buffer>('SELECT key_id FROM chat_keys WHERE key_id > ? ORDER BY key_id LIMIT ?')
      .pluck();
    let after = Buffer.alloc(0);
    for (;;) {
      const ids = next.all(after, keysPerPage);
      for (const keyId of ids) {
        const chatKey = this.#chatKeys.find(keyId);
        if (chatKey !== undefined) yield { keyId, chatKey };
      }
      const last = ids.at(-1);
      if (last === undefined) return;
      after = Buffer.from(last);
    }
  }
}
