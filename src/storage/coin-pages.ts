import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';
import type { Database, Statement } from 'better-sqlite3';
import {
  allDenominations,
  authenticationNumberSize,
  type Coin,
  coinPlace,
  pagesPerDenomination,
} from '../domain/coin.ts';
import {
  type CoinRecord,
  createPage,
  decodeRecord,
  type PageAddress,
  pageId,
  pageOf,
  readRecord,
  recordOffset,
  recordSize,
  writeRecord,
} from '../domain/coin-page.ts';
import { bitmapOf, countInUse } from '../domain/free-pages.ts';
import { mfsFree } from '../domain/mfs.ts';
import type { RandomSource } from '../domain/random.ts';
import { DamagedRow } from './damage.ts';
import { RecentKeys } from './recent-keys.ts';
import { RecordMemory } from './record-memory.ts';

interface StoredPage {
  readonly checksum: number;
  readonly records: Buffer;
}

interface StoredBitmap {
  readonly pageId: number;
  readonly bitmap: Buffer;
  readonly inUse: number;
}

const pageIdLimit = 15_000;

/**
 * Coin pages and the free-pages bitmap, which are one notion in two tables. A page's checksum is proved when the page is
 * first read; after that single records are read without moving the page.
 */
export class CoinPageReader {
  readonly #selectRecord: Statement<[number, number, number], Buffer>;
  readonly #selectPage: Statement<[number], StoredPage>;
  readonly #selectBitmaps: Statement<[number, number], StoredBitmap>;
  readonly #proved = new Uint8Array(pageIdLimit);
  readonly #counts = new Map<number, number>();
  readonly #records = new RecordMemory();
  readonly #keys = new RecentKeys();
  /** The key that was asked for last, and how often records had changed by then. */
  #asked: { readonly place: number; readonly changes: number; readonly key: Buffer } | undefined;

  constructor(database: Database) {
    this.#selectRecord = database
      .prepare<[number, number, number], Buffer>('SELECT substr(records, ?, ?) FROM coin_pages WHERE id = ?')
      .pluck();
    this.#selectPage = database.prepare('SELECT checksum, records FROM coin_pages WHERE id = ?');
    this.#selectBitmaps = database.prepare(
      'SELECT page_id AS pageId, bitmap, in_use AS inUse FROM free_pages WHERE page_id BETWEEN ? AND ?',
    );
  }

  /** The record of a valid coin; undefined where its page does not exist. */
  record(coin: Coin): CoinRecord | undefined {
    const known = this.#records.get(coin);
    if (known !== undefined) return known;
    const record = this.#read(coin);
    if (record !== undefined) this.#records.hold(coin, record);
    return record;
  }

  /** Forgets what was read: it may be of a transaction that is undone. */
  forgetRecords(): void {
    this.#records.forgetAll();
    this.#counts.clear();
  }

  /** Forgets what was read of a page that is written. */
  protected forgetPage(address: PageAddress): void {
    this.#records.forgetPage(address);
    this.#counts.delete(address.denomination);
  }

  #read(coin: Coin): CoinRecord | undefined {
    const id = pageId(pageOf(coin));
    if (this.#proved[id] !== 1) {
      const page = this.page(pageOf(coin));
      return page === undefined ? undefined : readRecord(page, coin);
    }
    const record = this.#selectRecord.get(recordOffset(coin) + 1, recordSize, id);
    return record === undefined ? undefined : decodeRecord(record);
  }

  /** The authentication number of a coin in circulation; undefined for a free or unknown one. */
  authenticationNumber(coin: Coin): Buffer | undefined {
    const record = this.record(coin);
    return record === undefined || record.mfs === mfsFree ? undefined : record.authenticationNumber;
  }

  /**
   * The same of a valid coin, for ciphers, which are kept with their keys: as the same buffer again, as long as it is among
   * those that were asked for last and the coin has this authentication number.
   */
  key(coin: Coin): Buffer | undefined {
    const place = coinPlace(coin);
    if (this.#asked?.place === place && this.#asked.changes === this.#records.changes) return this.#asked.key;
    const key = this.#keyAt(place, coin);
    this.#asked = key && { place, changes: this.#records.changes, key };
    return key;
  }

  #keyAt(place: number, coin: Coin): Buffer | undefined {
    const known = this.#keys.get(place);
    if (known !== undefined && this.#records.isInUseWith(coin, known)) return known;
    const current = this.authenticationNumber(coin);
    if (current === undefined) return undefined;
    if (known?.equals(current) === true) return known;
    // In memory of its own: a small buffer out of the pool would keep all of that alive.
    const key = Buffer.alloc(authenticationNumberSize);
    key.set(current);
    this.#keys.set(place, key);
    return key;
  }

  /** A whole page, its checksum proved; undefined where it does not exist. Throws DamagedRow. */
  page(address: PageAddress): Buffer | undefined {
    const id = pageId(address);
    const stored = this.#selectPage.get(id);
    if (stored === undefined) return undefined;
    if (crc32(stored.records) !== stored.checksum) {
      throw new DamagedRow(`coin page ${address.denomination}/${address.pageNumber}`);
    }
    this.#proved[id] = 1;
    return stored.records;
  }

  /**
   * Coins in use for each denomination, from bitmaps proved against their own count. Remembered for each denomination until
   * one of its pages is written. Throws DamagedRow.
   */
  countInUse(): Map<number, number> {
    const counts = allDenominations().map((denomination) => {
      const known = this.#counts.get(denomination) ?? this.#countOf(denomination);
      this.#counts.set(denomination, known);
      return [denomination, known] as const;
    });
    return new Map(counts);
  }

  #countOf(denomination: number): number {
    const first = pageId({ denomination, pageNumber: 0 });
    let sum = 0;
    for (const { pageId: page, bitmap, inUse } of this.#selectBitmaps.all(first, first + pagesPerDenomination - 1)) {
      if (countInUse(bitmap) !== inUse) throw new DamagedRow(`the bitmap of coin page number ${page}`);
      sum += inUse;
    }
    return sum;
  }
}

export class CoinPageWriter extends CoinPageReader {
  readonly #upsertPage: Statement<[number, number, number, number, Buffer]>;
  readonly #upsertBitmap: Statement<[number, Buffer, number]>;

  constructor(database: Database) {
    super(database);
    this.#upsertPage = database.prepare(
      `INSERT INTO coin_pages (id, denomination, page_number, checksum, records) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET checksum = excluded.checksum, records = excluded.records`,
    );
    this.#upsertBitmap = database.prepare(
      `INSERT INTO free_pages (page_id, bitmap, in_use) VALUES (?, ?, ?)
       ON CONFLICT (page_id) DO UPDATE SET bitmap = excluded.bitmap, in_use = excluded.in_use
       WHERE bitmap <> excluded.bitmap`,
    );
  }

  /** Writes one record; a page that does not exist yet comes into being with it. Returns the record before. */
  putRecord(coin: Coin, change: (before: CoinRecord) => CoinRecord, random: RandomSource): CoinRecord {
    const address = pageOf(coin);
    const page = this.page(address) ?? createPage(random);
    const before = readRecord(page, coin);
    writeRecord(page, coin, change(before));
    this.putPage(address, page);
    return before;
  }

  /** Writes a whole page and the bitmap that follows from it: the only place that writes either table. */
  putPage(address: PageAddress, page: Buffer): void {
    const id = pageId(address);
    const bitmap = bitmapOf(page);
    this.forgetPage(address);
    this.#upsertPage.run(id, address.denomination, address.pageNumber, crc32(page), page);
    this.#upsertBitmap.run(id, bitmap, countInUse(bitmap));
  }
}
