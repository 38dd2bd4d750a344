import type { Database } from 'better-sqlite3';
import type { ChatKey } from '../domain/chat-key.ts';
import type { PageAddress } from '../domain/coin-page.ts';
import { CoinPageReader } from './coin-pages.ts';
import { DamagedRow } from './damage.ts';
import { type NodeIdentity, readIdentity } from './settings.ts';
import { chatKeyChecksum, type StoredKey, storedKeyColumns } from './stored-key.ts';

const keysPerPage = 500;

/** Reads a node out page by page, each in a transaction of its own, so that a serving node's WAL is never pinned. */
export class Export {
  readonly #database: Database;
  readonly #coins: CoinPageReader;

  constructor(database: Database) {
    this.#database = database;
    this.#coins = new CoinPageReader(database);
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
    const select = this.#database.prepare<[number, number], StoredKey>(
      `SELECT ${storedKeyColumns} FROM chat_keys WHERE number > ? ORDER BY number LIMIT ?`,
    );
    let position = 0;
    for (;;) {
      const rows = select.all(position, keysPerPage);
      for (const row of rows) {
        const { keyId, denomination, serialNumber, key } = row;
        if (chatKeyChecksum(row) !== row.checksum) throw new DamagedRow(`key ${keyId.toString('hex', 0, 4)}...`);
        yield { keyId, chatKey: { coin: { denomination, serialNumber }, key } };
      }
      const last = rows.at(-1);
      if (last === undefined) return;
      position = last.number;
    }
  }
}
