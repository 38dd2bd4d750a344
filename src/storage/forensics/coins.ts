import type { Database } from 'better-sqlite3';
import type { Coin } from '../../domain/coin.ts';
import { pageId, pageOf, recordIndex } from '../../domain/coin-page.ts';
import { isMarkedInUse } from '../../domain/free-pages.ts';
import { CoinPageReader } from '../coin-pages.ts';

/** A coin as it may be shown: everything but its authentication number. */
export interface CoinView {
  readonly pageNumber: number;
  readonly recordIndex: number;
  /** Whether the page exists at all. */
  readonly stored: boolean;
  readonly inUse: boolean;
  readonly monthsFromStart: number | undefined;
  /** Whether an authentication number other than zeros is stored. */
  readonly authenticationNumberSet: boolean;
  /** Whether the free-pages bitmap says the same. */
  readonly bitmapAgrees: boolean;
}

export function showCoin(database: Database, coin: Coin): CoinView {
  const { pageNumber } = pageOf(coin);
  const record = new CoinPageReader(database).record(coin);
  const bitmap = database
    .prepare<[number], Buffer>('SELECT bitmap FROM free_pages WHERE page_id = ?')
    .pluck()
    .get(pageId(pageOf(coin)));
  const inUse = record !== undefined && record.mfs !== 0;
  return {
    pageNumber,
    recordIndex: recordIndex(coin),
    stored: record !== undefined,
    inUse,
    monthsFromStart: record?.mfs,
    authenticationNumberSet: record?.authenticationNumber.some((byte) => byte !== 0) ?? false,
    bitmapAgrees: bitmap === undefined ? record === undefined : isMarkedInUse(bitmap, recordIndex(coin)) === inUse,
  };
}
