import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';

/**
 * CRC-32 over the columns of a row, in an order and form of their own: it notices what SQLite's own check cannot, a value
 * that was changed where it lies. Not a protection against people; that is what the event chain is for.
 */
export function rowChecksum(columns: readonly (Buffer | string | number | null)[]): number {
  let sum = 0;
  let text = '';
  for (const column of columns) {
    if (!Buffer.isBuffer(column)) {
      text += `${column};`;
      continue;
    }
    if (text !== '') sum = crc32(text, sum);
    text = '';
    // zlib starts over at an empty buffer without memory behind it.
    if (column.length > 0) sum = crc32(column, sum);
  }
  return text === '' ? sum : crc32(text, sum);
}
