import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import type { Database } from 'better-sqlite3';
import { pageId } from '../domain/coin-page.ts';
import { bitmapOf, countInUse } from '../domain/free-pages.ts';
import { requestFaults } from './authenticated-requests.ts';
import { checkChatKeys } from './chat-keys-check.ts';
import { rowChecksum } from './checksum.ts';
import { ChainVerifier, chainStart, verifyChain } from './event-chain.ts';
import { eventIndexFaults } from './event-index-check.ts';
import { type EventHead, genesis } from './events.ts';
import { keyIndexFaults } from './key-index-check.ts';
import { migrationFiles } from './schema-version.ts';

/** Told of progress: what is looked at, how much of it is done, and how much there is. */
export type Progress = (part: string, done: number, total: number) => void;

export interface Verification {
  readonly faults: readonly string[];
  readonly pages: number;
  readonly keys: number;
  readonly events: number;
  readonly head: EventHead;
}

export interface Parts {
  /** Coin pages and bitmap. */
  readonly pages: boolean;
  /** Keys, tickets, requests and settings. */
  readonly keys: boolean;
  readonly events: boolean;
  /** SQLite's own check: the quick one leaves out whether indexes and tables agree. */
  readonly structure: 'full' | 'quick' | 'none';
  /** The indexes, which are derived and not worth the time of a backup. */
  readonly index: boolean;
}

const pagesPerRead = 100;
const faultsMax = 1_000;

/**
 * Streams through a whole database and proves every stored value: SQLite's own structure, a checksum for each row, the
 * bitmap against the pages, the event chain from its start. Reads in short transactions.
 */
export function verifyDatabase(database: Database, parts: Parts, progress: Progress): Verification {
  const faults: string[] = [];
  let pages = 0;
  let keys = 0;
  if (parts.structure !== 'none') {
    progress('structure', 0, 1);
    faults.push(...structureFaults(database, parts.structure));
  }
  if (parts.pages) {
    attempt('coin pages', faults, () => {
      pages = verifyPages(database, faults, progress);
    });
  }
  if (parts.keys) {
    attempt('keys', faults, () => {
      const total = countRows(database, 'chat_keys');
      keys = checkChatKeys(
        database,
        (fault) => faults.push(fault),
        (done) => progress('keys', done, total),
      );
    });
    attempt('tickets and settings', faults, () => verifySmallTables(database, faults));
  }
  const chain = new ChainVerifier(readChainStart(database, faults));
  if (parts.events) attempt('events', faults, () => verifyEvents(database, chain, faults, progress));
  if (parts.index) {
    attempt('index of keys', faults, () => faults.push(...keyIndexFaults(database)));
    attempt('index of events', faults, () => faults.push(...eventIndexFaults(database)));
  }
  return { faults: faults.slice(0, faultsMax), pages, keys, events: chain.checked, head: chain.head };
}

/** Damage can make a value unreadable in ways that no checksum gets to see; that too is a finding. */
function attempt(what: string, faults: string[], work: () => void): void {
  try {
    work();
  } catch (error) {
    faults.push(`the ${what} cannot be read: ${(error as Error).message}`);
  }
}

function readChainStart(database: Database, faults: string[]): EventHead {
  try {
    return chainStart(database);
  } catch (error) {
    faults.push(`the start of the event chain cannot be read: ${(error as Error).message}`);
    return genesis;
  }
}

function structureFaults(database: Database, structure: 'full' | 'quick'): string[] {
  try {
    const check = structure === 'full' ? 'integrity_check' : 'quick_check';
    const rows = database.pragma(check) as Record<string, string>[];
    return rows.map((row) => row[check] ?? '').filter((text) => text !== 'ok');
  } catch (error) {
    return [`SQLite cannot read the database: ${(error as Error).message}`];
  }
}

interface PageRow {
  readonly id: number;
  readonly denomination: number;
  readonly pageNumber: number;
  readonly checksum: number;
  readonly records: Buffer;
  readonly bitmap: Buffer | null;
  readonly inUse: number | null;
}

function verifyPages(database: Database, faults: string[], progress: Progress): number {
  const total = countRows(database, 'coin_pages');
  const select = database.prepare<[number, number], PageRow>(
    `SELECT id, denomination, page_number AS pageNumber, checksum, records, bitmap, in_use AS inUse
     FROM coin_pages LEFT JOIN free_pages ON page_id = id WHERE id > ? ORDER BY id LIMIT ?`,
  );
  let done = 0;
  let position = Number.MIN_SAFE_INTEGER;
  for (;;) {
    const rows = select.all(position, pagesPerRead);
    for (const row of rows) faults.push(...pageFaults(row));
    const last = rows.at(-1);
    if (last === undefined) break;
    if (last.id <= position) throw new Error('their order is broken');
    position = last.id;
    done += rows.length;
    progress('coin pages', done, total);
  }
  const orphans = database.prepare<[], number>(
    'SELECT page_id FROM free_pages WHERE page_id NOT IN (SELECT id FROM coin_pages)',
  );
  for (const id of orphans.pluck().all()) faults.push(`the bitmap has a row ${id} without a coin page`);
  return done;
}

function pageFaults(row: PageRow): string[] {
  const name = `coin page ${row.denomination}/${row.pageNumber}`;
  const faults: string[] = [];
  if (pageId(row) !== row.id) faults.push(`${name} stands under the wrong number ${row.id}`);
  if (crc32(row.records) !== row.checksum) faults.push(`${name} is damaged: its checksum does not fit`);
  const bitmap = bitmapOf(row.records);
  if (row.bitmap === null) faults.push(`${name} has no bitmap`);
  else if (!row.bitmap.equals(bitmap) || row.inUse !== countInUse(row.bitmap)) {
    faults.push(`the bitmap of ${name} does not say what the page says`);
  }
  return faults;
}

function verifySmallTables(database: Database, faults: string[]): void {
  const tickets = database.prepare<[], { digest: Buffer; splitId: number; acceptedAt: number; checksum: number }>(
    'SELECT digest, split_id AS splitId, accepted_at AS acceptedAt, checksum FROM tickets',
  );
  for (const { digest, splitId, acceptedAt, checksum } of tickets.iterate()) {
    if (rowChecksum([digest, splitId, acceptedAt]) !== checksum)
      faults.push(`ticket ${digest.toString('hex')} is damaged`);
  }
  faults.push(...requestFaults(database));
  const settings = database.prepare<[], { name: string; value: Buffer; checksum: number }>(
    'SELECT name, value, checksum FROM settings',
  );
  for (const { name, value, checksum } of settings.all()) {
    if (rowChecksum([name, value]) !== checksum) faults.push(`setting ${name} is damaged`);
  }
  faults.push(...migrationFaults(database));
}

/** The applied migrations must be the program's own, in their order; an older database has had only the first of them. */
function migrationFaults(database: Database): string[] {
  const known = migrationFiles();
  const applied = database
    .prepare<[], { hash: string; createdAt: number }>(
      'SELECT hash, created_at AS createdAt FROM __drizzle_migrations ORDER BY id',
    )
    .all();
  const faults = applied.flatMap(({ hash, createdAt }, index) => {
    const file = known[index];
    const expected =
      file === undefined ? undefined : createHash('sha256').update(readFileSync(file.path)).digest('hex');
    return hash === expected && createdAt === file?.when
      ? []
      : [`migration ${index + 1} is not the one that this program knows`];
  });
  return faults;
}

function verifyEvents(database: Database, chain: ChainVerifier, faults: string[], progress: Progress): void {
  const total = countRows(database, 'events');
  const start = chain.head.sequence;
  const early = database
    .prepare<[number], number>('SELECT count(*) FROM events WHERE sequence <= ?')
    .pluck()
    .get(start);
  if (early !== 0) faults.push(`${early} events stand before the start of the chain`);
  verifyChain(database, chain, (done) => progress('events', done, total));
  chain.finish();
  faults.push(...chain.faults);
  const orphans = database
    .prepare<[], number>(
      `SELECT DISTINCT event FROM reconstructions
       WHERE event NOT IN (SELECT sequence FROM events WHERE action IN ('decrypt-raida-key', 'coins-reverted'))`,
    )
    .pluck();
  for (const event of orphans.all()) faults.push(`records of a reconstruction name event ${event}, which is none`);
}

function countRows(database: Database, table: 'coin_pages' | 'chat_keys' | 'events'): number {
  return database.prepare<[], number>(`SELECT count(*) FROM ${table}`).pluck().get() ?? 0;
}
