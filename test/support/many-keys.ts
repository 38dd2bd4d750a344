import { join } from 'node:path';
import { openDatabase } from '../../src/storage/database.ts';
import { chatKeyChecksum } from '../../src/storage/stored-key.ts';

/** Gives a node one key whose number is as if it were the last one of so many. */
export function addKeyNumbered(directory: string, number: number): void {
  const database = openDatabase(join(directory, 'node.db'));
  const keyId = Buffer.alloc(16, 0xa1);
  const key = Buffer.from('the last one of many');
  const row = { keyId, denomination: 1, serialNumber: 300, key, postedAt: 1, replacements: 0 };
  database
    .prepare(
      `INSERT INTO chat_keys (number, key_id, denomination, serial_number, key, posted_at, replacements, checksum)
       VALUES (?, ?, 1, 300, ?, 1, 0, ?)`,
    )
    .run(number, keyId, key, chatKeyChecksum(row));
  database.close();
}
