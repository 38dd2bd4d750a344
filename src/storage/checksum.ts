import { crc32 } from 'node:zlib';

/**
 * CRC-32 over the columns of a row, in an order and form of their own: it notices what SQLite's own check cannot, a value
 * that was changed where it lies. Not a protection against people; that is what the event chain is for.
 */
export function rowChecksum(columns: readonly (Buffer | string | number | null)[]): number {
  let sum = 0;
  for (const column of columns) sum = crc32(Buffer.isBuffer(column) ? column : `${column};`, sum);
  return sum;
}
