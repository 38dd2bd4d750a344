import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import SqliteDatabase, { type Database } from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { assertSqliteVersion, openDatabase, StorageError, sqliteVersion } from '../../src/storage/database.ts';
import { migrateDatabase } from '../../src/storage/migrate.ts';
import { appliedMigrations, schemaVersion } from '../../src/storage/schema-version.ts';
import { Store } from '../../src/storage/store.ts';
import { coinId, makeNode, openBeside, openStore, raidaId, temporaryFolder } from '../support/harness.ts';

/** How a database is opened and brought up to date, and which ones are refused. */
const migrations = fileURLToPath(new URL('../../migrations', import.meta.url));

function fresh(): Database {
  const database = openDatabase(join(temporaryFolder(), 'node.db'));
  onTestFinished(() => {
    database.close();
  });
  return database;
}

/** A copy of the migrations of which only the first `count` are known. */
function prefix(count: number): string {
  const folder = join(temporaryFolder(), 'migrations');
  cpSync(migrations, folder, { recursive: true });
  const file = join(folder, 'meta/_journal.json');
  const journal = JSON.parse(readFileSync(file, 'utf8')) as { entries: unknown[] };
  writeFileSync(file, JSON.stringify({ ...journal, entries: journal.entries.slice(0, count) }));
  return folder;
}

const schemaOf = (database: Database) =>
  database
    .prepare("SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY type, name")
    .all();

describe('migrations', () => {
  const count = schemaVersion();

  it('make the schema from nothing, and change nothing the second time', () => {
    const database = fresh();
    expect(appliedMigrations(database)).toBe(0);
    migrateDatabase(database);
    expect(appliedMigrations(database)).toBe(count);
    const before = schemaOf(database);
    migrateDatabase(database);
    expect(schemaOf(database)).toEqual(before);
  });

  it('lead to the same schema from every prefix of them', () => {
    const whole = fresh();
    migrateDatabase(whole);
    for (let known = 1; known <= count; known += 1) {
      const database = fresh();
      migrateDatabase(database, prefix(known));
      expect(appliedMigrations(database)).toBe(known);
      migrateDatabase(database);
      expect(schemaOf(database), `after ${known}`).toEqual(schemaOf(whole));
      expect(database.pragma('foreign_keys', { simple: true })).toBe(1);
    }
  });

  it('bring the entries of indexes that were one tree into partitions', () => {
    const database = fresh();
    migrateDatabase(database, prefix(5));
    const numbers = [1, 2 ** 20 - 1, 2 ** 20, 5 * 2 ** 20 + 7];
    for (const number of numbers) {
      database.exec(`INSERT INTO key_numbers VALUES (x'${String(number).padStart(32, '0')}', ${number});
        INSERT INTO coin_keys VALUES (1, ${number * 3}, ${number});
        INSERT INTO key_events VALUES (x'${String(number).padStart(32, '0')}', ${number}, 1);
        INSERT INTO coin_events VALUES (2, ${number * 5}, ${number})`);
    }
    migrateDatabase(database);
    const rows = (sql: string) => database.prepare(sql).raw().all();
    expect(rows('SELECT partition, hex(key_id), number FROM key_numbers')).toEqual(
      numbers.map((number, place) => [[0, 0, 1, 5][place], String(number).padStart(32, '0'), number]),
    );
    expect(rows('SELECT * FROM coin_keys')).toEqual(numbers.map((number) => [number >> 20, 1, number * 3, number]));
    expect(rows('SELECT partition, hex(key_id), sequence, fetched FROM key_events')).toEqual(
      numbers.map((number) => [number >> 20, String(number).padStart(32, '0'), number, 1]),
    );
    expect(rows('SELECT * FROM coin_events')).toEqual(numbers.map((number) => [number >> 20, 2, number * 5, number]));
  });

  it('refuse the database of a newer program, and leave it alone', () => {
    const directory = makeNode();
    const beside = openBeside(directory);
    beside.exec("INSERT INTO __drizzle_migrations (hash, created_at) VALUES ('later', 99999999999999)");
    const before = schemaOf(beside);
    expect(() => Store.open(directory)).toThrow(StorageError);
    expect(() => Store.open(directory)).toThrow('use a newer program');
    expect(schemaOf(beside)).toEqual(before);
  });
});

describe('a database', () => {
  it('is opened with WAL and a sync for every commit, both read back', () => {
    const database = fresh();
    expect(database.pragma('journal_mode', { simple: true })).toBe('wal');
    expect(database.pragma('synchronous', { simple: true })).toBe(2);
    expect(database.pragma('trusted_schema', { simple: true })).toBe(0);
  });

  it('that cannot keep a WAL is refused', () => {
    expect(() => openDatabase(':memory:')).toThrow('SQLite keeps journal_mode at memory, wal is needed');
  });

  it('is refused under a SQLite that can lose committed writes', () => {
    for (const version of ['3.51.2', '3.50.9', '3.9.99', '2.99.99', '']) {
      expect(() => assertSqliteVersion(version), version).toThrow(StorageError);
    }
    for (const version of ['3.51.3', '3.51.10', '3.52.0', '4.0.0']) assertSqliteVersion(version);
    assertSqliteVersion(sqliteVersion(fresh()));
  });

  it('that belongs to no node is refused', () => {
    const directory = temporaryFolder();
    const database = openDatabase(join(directory, 'node.db'));
    migrateDatabase(database);
    database.close();
    expect(() => Store.open(directory)).toThrow('no identity');
  });

  it('of a node keeps its identity and a sealing key of its own', () => {
    const keys = [makeNode(), makeNode()].map((directory) => {
      expect(openStore(directory).identity).toEqual({ raidaId, coinId });
      return openBeside(directory).prepare("SELECT hex(value) FROM settings WHERE name = 'sealing_key'").pluck().get();
    });
    expect(new Set(keys).size).toBe(2);
  });
});

describe('the schema itself', () => {
  const refused = [
    'INSERT INTO coin_pages VALUES (9000, 1, 1, 0, zeroblob(17408))',
    'INSERT INTO coin_pages VALUES (15000, 7, 0, 0, zeroblob(17408))',
    'INSERT INTO coin_pages VALUES (10000, 1, 1000, 0, zeroblob(17408))',
    'INSERT INTO coin_pages VALUES (9001, 1, 1, 0, zeroblob(17407))',
    'INSERT INTO free_pages VALUES (9001, zeroblob(127), 0)',
    'INSERT INTO free_pages VALUES (9001, zeroblob(128), 1025)',
    'INSERT INTO free_pages VALUES (9001, zeroblob(128), 0)',
    'INSERT INTO chat_keys (key_id, denomination, serial_number, key, checksum, posted_at, replacements) VALUES (zeroblob(15), 1, 1, zeroblob(9), 0, 0, 0)',
    'INSERT INTO chat_keys (key_id, denomination, serial_number, key, checksum, posted_at, replacements) VALUES (zeroblob(16), 1, 1, zeroblob(128), 0, 0, 0)',
    "INSERT INTO events (sequence, time, action, hash) VALUES (1, 0, 'x', zeroblob(31))",
  ];
  it.each(refused)('refuses %s', (sql) => {
    const database = openBeside(makeNode());
    expect(() => database.exec(sql)).toThrow(SqliteDatabase.SqliteError);
  });
});

describe('a transaction', () => {
  it('that throws leaves nothing, and a savepoint that throws undoes itself alone', () => {
    const store = openStore(makeNode());
    const owner = { coin: { denomination: 1, serialNumber: 1 }, key: Buffer.alloc(4, 1) };
    const put = (id: number) =>
      store.write((writer) => {
        writer.chatKeys.put(Buffer.alloc(16, id), owner, 0);
        if (id === 1) throw new Error('undone');
      });
    expect(() => put(1)).toThrow('undone');
    put(2);
    store.write((writer) => {
      writer.chatKeys.put(Buffer.alloc(16, 3), owner, 0);
      expect(() =>
        writer.savepoint(() => {
          writer.chatKeys.put(Buffer.alloc(16, 4), owner, 0);
          writer.chatKeys.put(Buffer.alloc(16, 3), { ...owner, key: Buffer.alloc(1) }, 0);
          throw new Error('alone');
        }),
      ).toThrow('alone');
      writer.chatKeys.put(Buffer.alloc(16, 5), owner, 0);
    });
    const found = store.read((reader) => [1, 2, 3, 4, 5].map((id) => reader.chatKeys.find(Buffer.alloc(16, id))));
    expect(found.map((each) => each?.key.length)).toEqual([undefined, 4, 4, undefined, 4]);
  });

  it('sees one moment: what another process commits meanwhile is not in it', () => {
    const directory = makeNode();
    const store = openStore(directory);
    const other = openStore(directory);
    store.read((reader) => {
      expect(reader.events.head().sequence).toBe(0);
      other.write((writer) => writer.events.append({ time: 1, action: 'import' }));
      expect(reader.events.head().sequence).toBe(0);
    });
    expect(store.read((reader) => reader.events.head().sequence)).toBe(1);
  });
});
