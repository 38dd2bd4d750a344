import { createHash, randomBytes } from 'node:crypto';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import SqliteDatabase from 'better-sqlite3';
import { type EventRow, eventHash, genesis } from '../../src/storage/events.ts';
import { migrateDatabase } from '../../src/storage/migrate.ts';
import { writeIdentity } from '../../src/storage/settings.ts';
import { chatKeyChecksum } from '../../src/storage/stored-key.ts';
import { coinId, raidaId, temporaryFolder } from './harness.ts';

const migrations = fileURLToPath(new URL('../../migrations', import.meta.url));
/** The first schema whose keys stand by their ids, as version 0.1.0 had it. */
const oldSchema = 2;

/** The first migrations only, as an older program had them. */
export function migrationsUpTo(count: number): string {
  const folder = join(temporaryFolder(), 'migrations');
  cpSync(migrations, folder, { recursive: true });
  const journalFile = join(folder, 'meta/_journal.json');
  const journal = JSON.parse(readFileSync(journalFile, 'utf8')) as { entries: unknown[] };
  writeFileSync(journalFile, JSON.stringify({ ...journal, entries: journal.entries.slice(0, count) }));
  return folder;
}

/** A data directory as the program before left it, with so many keys and an event for each. */
export function makeOldNode(keys: number): string {
  const directory = temporaryFolder();
  mkdirSync(join(directory, 'coins'));
  const database = new SqliteDatabase(join(directory, 'node.db'));
  database.pragma('journal_mode = WAL');
  migrateDatabase(database, migrationsUpTo(oldSchema));
  writeIdentity(database, { raidaId, coinId }, randomBytes(32));
  const insertKey = database.prepare(
    `INSERT INTO chat_keys (key_id, denomination, serial_number, key, checksum, posted_at, replacements)
     VALUES (?, 1, ?, ?, ?, ?, 0)`,
  );
  const insertEvent = database.prepare(`INSERT INTO events VALUES (${Array(16).fill('?').join(', ')})`);
  let before = genesis.hash;
  database.transaction(() => {
    for (let number = 1; number <= keys; number += 1) {
      const keyId = createHash('md5').update(String(number)).digest();
      const postedAt = 1_790_000_000_000 + number;
      const row = {
        keyId,
        denomination: 1,
        serialNumber: number,
        key: Buffer.alloc(32, number),
        postedAt,
        replacements: 0,
      };
      insertKey.run(keyId, number, row.key, chatKeyChecksum(row), postedAt);
      const event: EventRow = [
        number,
        postedAt,
        'post-key',
        250,
        null,
        0,
        1,
        number,
        null,
        null,
        null,
        null,
        keyId,
        null,
        null,
      ];
      before = Buffer.from(eventHash(before.toString('hex'), event, []), 'hex');
      insertEvent.run(...event, before);
    }
  })();
  database.close();
  return directory;
}
