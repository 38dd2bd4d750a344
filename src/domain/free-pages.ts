import { Buffer } from 'node:buffer';
import { recordsPerPage } from './coin.ts';
import { isInUse } from './coin-page.ts';

/**
 * The free-pages bitmap of one coin page: one bit a coin, least significant bit first, 1 in use, 0 free.
 * Concatenated over the pages of a denomination this is bit SN mod 8 of byte SN div 8.
 */
export const bitmapSize = recordsPerPage / 8;

export function bitmapOf(page: Buffer): Buffer {
  const bitmap = Buffer.alloc(bitmapSize);
  for (let index = 0; index < recordsPerPage; index += 1) {
    if (isInUse(page, index)) bitmap[index >> 3] = (bitmap[index >> 3] ?? 0) | (1 << (index & 7));
  }
  return bitmap;
}

export function isMarkedInUse(bitmap: Buffer, index: number): boolean {
  return (((bitmap[index >> 3] ?? 0) >> (index & 7)) & 1) === 1;
}

/** How many coins of the page are in use. */
export function countInUse(bitmap: Buffer): number {
  let count = 0;
  for (const byte of bitmap) {
    for (let rest = byte; rest !== 0; rest &= rest - 1) count += 1;
  }
  return count;
}
