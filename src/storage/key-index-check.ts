import { Buffer } from 'node:buffer';
import type { Database } from 'better-sqlite3';
import { keyIdSize } from '../domain/chat-key.ts';
import { followedThrough } from './index-follower.ts';
import { keysIndexedThroughName } from './key-index.ts';
import { beforeAllPartitions, partitionSql } from './partitions.ts';

const rowsPerRead = 2_000;

/**
 * Where the indexes of keys do not say what `chat_keys` says, or an id has two keys. Each read is one statement, so that it
 * sees index and table at the same moment, beside a serving node too.
 */
export function keyIndexFaults(database: Database): string[] {
  return [...wrongNumbers(database), ...wrongCoins(database), ...missingEntries(database), ...keysOfOneId(database)];
}

interface CheckedNumber {
  readonly partition: number;
  readonly keyId: Buffer;
  readonly sound: number;
}

function wrongNumbers(database: Database): string[] {
  const select = database.prepare<[number, Buffer, number], CheckedNumber>(
    `SELECT i.partition, i.key_id AS keyId, k.key_id IS i.key_id AND i.partition = ${partitionSql('k.number')} AS sound
     FROM key_numbers i LEFT JOIN chat_keys k ON k.number = i.number
     WHERE (i.partition, i.key_id) > (?, ?) ORDER BY i.partition, i.key_id LIMIT ?`,
  );
  const faults: string[] = [];
  let position: Pick<CheckedNumber, 'partition' | 'keyId'> = { partition: beforeAllPartitions, keyId: Buffer.alloc(0) };
  for (;;) {
    const rows = select.all(position.partition, position.keyId, rowsPerRead);
    for (const { keyId, sound } of rows) {
      if (sound !== 1) faults.push(`the index of keys has a wrong entry for id ${keyId.toString('hex')}`);
    }
    const last = rows.at(-1);
    if (last === undefined) return faults;
    position = last;
  }
}

interface CheckedCoin {
  readonly partition: number;
  readonly denomination: number;
  readonly serialNumber: number;
  readonly number: number;
  readonly sound: number;
}

function wrongCoins(database: Database): string[] {
  const select = database.prepare<[number, number, number, number, number], CheckedCoin>(
    `SELECT i.partition, i.denomination, i.serial_number AS serialNumber, i.number,
       (${partitionSql('k.number')}, k.denomination, k.serial_number)
         IS (i.partition, i.denomination, i.serial_number) AS sound
     FROM coin_keys i LEFT JOIN chat_keys k ON k.number = i.number
     WHERE (i.partition, i.denomination, i.serial_number, i.number) > (?, ?, ?, ?)
     ORDER BY i.partition, i.denomination, i.serial_number, i.number LIMIT ?`,
  );
  const faults: string[] = [];
  let position = { partition: beforeAllPartitions, denomination: 0, serialNumber: 0, number: 0 };
  for (;;) {
    const { partition, denomination, serialNumber, number: after } = position;
    const rows = select.all(partition, denomination, serialNumber, after, rowsPerRead);
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
       (SELECT number FROM key_numbers i WHERE i.partition = ${partitionSql('k.number')} AND i.key_id = k.key_id)
         IS NOT k.number
       OR NOT EXISTS (SELECT 1 FROM coin_keys c WHERE c.partition = ${partitionSql('k.number')}
         AND c.denomination = k.denomination AND c.serial_number = k.serial_number AND c.number = k.number))`,
  );
  const faults: string[] = [];
  for (let low = 1; low <= through; low += rowsPerRead) {
    for (const number of select.pluck().all(low, Math.min(through, low + rowsPerRead - 1))) {
      faults.push(`the index of keys lacks key number ${number}, or its id has another key`);
    }
  }
  return faults;
}

/** Ids that stand in several partitions. All partitions are read side by side, a stretch of ids after the other. */
function keysOfOneId(database: Database): string[] {
  const selectPartitions = database.prepare<[], number>('SELECT partition FROM key_partitions').pluck();
  const selectEnd = database
    .prepare<[number, Buffer, number], Buffer>(
      'SELECT key_id FROM key_numbers WHERE partition = ? AND key_id > ? ORDER BY key_id LIMIT 1 OFFSET ?',
    )
    .pluck();
  const select = database
    .prepare<[Buffer, Buffer], Buffer>(
      `SELECT key_id FROM key_partitions CROSS JOIN key_numbers USING (partition)
       WHERE key_id > ? AND key_id <= ? GROUP BY key_id HAVING count(*) > 1`,
    )
    .pluck();
  const faults: string[] = [];
  for (let end: Buffer, start: Buffer = Buffer.alloc(0); start !== afterAllIds; start = end) {
    const ends = selectPartitions.all().flatMap((partition) => selectEnd.get(partition, start, rowsPerRead) ?? []);
    // A search that meets damage may come out before its start.
    if (!ends.every((each) => Buffer.isBuffer(each) && start.compare(each) < 0)) {
      return [...faults, 'the index of keys does not have its ids in their order'];
    }
    end = ends.sort(Buffer.compare)[0] ?? afterAllIds;
    for (const keyId of select.all(start, end)) {
      faults.push(`the index of keys has several entries for id ${keyId.toString('hex')}`);
    }
  }
  return faults;
}

const afterAllIds = Buffer.alloc(keyIdSize + 1, 0xff);
