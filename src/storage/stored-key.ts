import type { Buffer } from 'node:buffer';
import { rowChecksum } from './checksum.ts';

/** A row of chat_keys. */
export interface StoredKey {
  readonly number: number;
  readonly keyId: Buffer;
  readonly denomination: number;
  readonly serialNumber: number;
  readonly key: Buffer;
  readonly postedAt: number;
  readonly replacements: number;
  readonly checksum: number;
}

/** The columns of chat_keys under the names of `StoredKey`. */
export const storedKeyColumns = `number, key_id AS keyId, denomination, serial_number AS serialNumber, key,
  posted_at AS postedAt, replacements, checksum`;

/** Checksum of a key's row: everything in it but its number. */
export function chatKeyChecksum(row: Omit<StoredKey, 'number' | 'checksum'>): number {
  const { keyId, denomination, serialNumber, key, postedAt, replacements } = row;
  return rowChecksum([keyId, denomination, serialNumber, key, postedAt, replacements]);
}

/** The bytes under `chatKeyChecksum`, joined by SQLite. */
export const checkedContent = `concat(chat_keys.key_id, denomination, ';', serial_number, ';', key, posted_at, ';',
  replacements, ';')`;

/** The row of a number as one text, for `JoinedValues`. */
export const selectJoinedRow = `SELECT hex(concat(chat_keys.number, ';', checksum, ';', octet_length(key), ';',
  ${checkedContent})) FROM chat_keys WHERE number = ?`;
