import { Buffer } from 'node:buffer';
import { u8 } from '../bytes/numbers.ts';
import { bytes, struct } from '../bytes/struct.ts';
import { authenticationNumberSize, type Coin, denominationMin, pagesPerDenomination, recordsPerPage } from './coin.ts';
import { mfsFree } from './mfs.ts';
import type { RandomSource } from './random.ts';

/**
 * A coin page: 1,024 records of one denomination, each an authentication number and a months-from-start (MFS) byte.
 * The bytes are those of a deployed server's page file.
 */
const recordLayout = struct({ authenticationNumber: bytes(authenticationNumberSize), mfs: u8 });

export const recordSize = recordLayout.size;
export const pageSize = recordsPerPage * recordSize;
export const halfSize = authenticationNumberSize / 2;

/** Which half of an authentication number: 0 is bytes 0-7, 1 is bytes 8-15. */
export type Half = 0 | 1;

export interface CoinRecord {
  readonly authenticationNumber: Buffer;
  readonly mfs: number;
}

export interface PageAddress {
  readonly denomination: number;
  readonly pageNumber: number;
}

export function pageOf(coin: Coin): PageAddress {
  return { denomination: coin.denomination, pageNumber: Math.floor(coin.serialNumber / recordsPerPage) };
}

/** Unique number of a page over all denominations: the row id of its table. */
export function pageId({ denomination, pageNumber }: PageAddress): number {
  return (denomination - denominationMin) * pagesPerDenomination + pageNumber;
}

/** Place of the coin's record within its page, 0 to 1,023. */
export function recordIndex(coin: Coin): number {
  return coin.serialNumber % recordsPerPage;
}

/** Offset in bytes of the coin's record within its page. */
export function recordOffset(coin: Coin): number {
  return recordIndex(coin) * recordSize;
}

export function decodeRecord(record: Buffer): CoinRecord {
  return recordLayout.decode(record);
}

export function readRecord(page: Buffer, coin: Coin): CoinRecord {
  const start = recordOffset(coin);
  return recordLayout.decode(page.subarray(start, start + recordSize));
}

export function writeRecord(page: Buffer, coin: Coin, record: CoinRecord): void {
  page.set(recordLayout.encode(record), recordOffset(coin));
}

export function halfOf(authenticationNumber: Buffer, half: Half): Buffer {
  return authenticationNumber.subarray(half * halfSize, (half + 1) * halfSize);
}

/** The same authentication number with one half replaced. */
export function withHalf(authenticationNumber: Buffer, half: Half, part: Buffer): Buffer {
  const changed = Buffer.from(authenticationNumber);
  changed.set(part, half * halfSize);
  return changed;
}

/** A page that nobody has used: unpredictable authentication numbers, every coin free. */
export function createPage(random: RandomSource): Buffer {
  const page = random.bytes(pageSize);
  for (let index = 0; index < recordsPerPage; index += 1) recordLayout.at.mfs.set(page, index * recordSize, mfsFree);
  return page;
}

/** Whether the record at `index` of a page belongs to a coin in circulation. */
export function isInUse(page: Buffer, index: number): boolean {
  return recordLayout.at.mfs.get(page, index * recordSize) !== mfsFree;
}
