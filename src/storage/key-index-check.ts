import { Buffer } from 'node:buffer';
import type { Database } from 'better-sqlite3';
import { followedThrough } from './index-follower.ts';
import { keysIndexedThroughName } from './key-index.ts';

const rowsPerRead = 2_000;

/**
 * Where the indexes of keys do not say what `chat_keys` says, or an id has two keys. Each read is one statement, so that it
 * sees index and table at the same moment, beside a serving node too.
 */
export function keyIndexFaults(database: Database): string[] {
  return [...wrongNumbers(database), ...wrongCoins(database), ...missingEntries(database)];
}

interface CheckedNumber {
  readonly keyId: Buffer;
  readonly sound: number;
}

function wrongNumbers(database: Database): string[] {
  const select = database.prepare<[Buffer, number], CheckedNumber>(
    `SELECT i.key_id AS keyId, k.key_id IS i.key_id AS sound
     FROM key_numbers i LEFT JOIN chat_keys k ON k.number = i.number WHERE i.key_id > ? ORDER BY i.key_id LIMIT ?`,
  );
  const faults: string[] = [];
  let position: Buffer = Buffer.alloc(0);
  for (;;) {
    const rows = select.all(position, rowsPerRead);
    for (const { keyId, sound } of rows) {
      if (sound !== 1) faults.push(`the index of keys has a wrong entry for id ${keyId.toString('hex')}`);
    }
    const last = rows.at(-1);
    if (last === undefined) return faults;
    position = last.keyId;
  }
}

interface CheckedCoin {
  readonly denomination: number;
  readonly serialNumber: number;
  readonly number: number;
  readonly sound: number;
}

function wrongCoins(database: Database): string[] {
  const select = database.prepare<[number, number, number, number], CheckedCoin>(
    `SELECT i.denomination, i.serial_number AS serialNumber, i.number,
       (k.denomination, k.serial_number) IS (i.denomination, i.serial_number) AS sound
     FROM coin_keys i LEFT JOIN chat_keys k ON k.number = i.number
     WHERE (i.denomination, i.serial_number, i.number) > (?, ?, ?)
     ORDER BY i.denomination, i.serial_number, i.number LIMIT ?`,
  );
  const faults: string[] = [];
  let position = { denomination: Number.MIN_SAFE_INTEGER, serialNumber: 0, number: 0 };
  for (;;) {
    const rows = select.all(position.denomination, position.serialNumber, position.number, rowsPerRead);
    for (const { number, sound } of rows) {
      if (sound !== 1) faults.push(`the index of keys has a wrong coin for key number ${number}`);
    }
    const last = rows.at(-1);
    if (last === undefined) return faults;
    position = last;
  }
}

function missingEntries(database: Database): string[] {
  const through = followedThrough(database, keysIndexedThroughName);
  const select = database.prepare<[number, number], number>(
    `SELECT number FROM chat_keys k WHERE number BETWEEN ? AND ? AND (
       (SELECT number FROM key_numbers i WHERE i.key_id = k.key_id) IS NOT k.number
       OR NOT EXISTS (SELECT 1 FROM coin_keys c WHERE c.denomination = k.denomination
         AND c.serial_number = k.serial_number AND c.number = k.number))`,
  );
  const faults: string[] = [];
  for (let low = 1; low <= through; low += rowsPerRead) {
    for (const number of select.pluck().all(low, Math.min(through, low + rowsPerRead - 1))) {
      faults.push(`the index of keys lacks key number ${number}, or its id has another key`);
    }
  }
  return faults;
}
