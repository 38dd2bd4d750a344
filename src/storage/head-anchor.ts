import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Database } from 'better-sqlite3';
import { StorageError } from './database.ts';
import { chainStart } from './event-chain.ts';
import { type EventHead, genesis } from './events.ts';

/**
 * The anchor: a small file beside the database that says how far the event chain had come. SQLite opens a WAL that was
 * cut, swapped or removed without a word; the anchor notices.
 */
export const anchorFileName = 'head.json';

/** Acknowledged work is missing from the database. */
export class LossDetected extends StorageError {
  constructor(directory: string, loss: string) {
    super(`${loss}. Restore a backup, or go on without it by "serve --data ${directory} --accept-loss"`);
  }
}

interface Anchor {
  readonly sequence: number;
  readonly hash: string;
  /** When the event happened. */
  readonly time: string;
}

/** Writes the anchor and syncs it, without blocking the event loop. The head must be on disk already. */
export async function renewAnchor(directory: string, head: EventHead): Promise<void> {
  const temporary = join(directory, `${anchorFileName}.new`);
  const file = await open(temporary, 'w', 0o600);
  try {
    await file.writeFile(anchorText(head));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, join(directory, anchorFileName));
}

/** The same at once, for a process that is about to end. */
export function writeAnchor(directory: string, head: EventHead): void {
  const temporary = join(directory, `${anchorFileName}.new`);
  const descriptor = openSync(temporary, 'w', 0o600);
  writeSync(descriptor, anchorText(head));
  fsyncSync(descriptor);
  closeSync(descriptor);
  renameSync(temporary, join(directory, anchorFileName));
}

/** Why the database cannot be the one that the anchor was written for; undefined where it fits or there is no anchor. */
export function anchorMismatch(directory: string, database: Database): string | undefined {
  const anchor = readAnchor(directory);
  if (anchor === undefined) return undefined;
  const { sequence, hash } = anchor;
  const head =
    database.prepare<[], EventHead>('SELECT sequence, hash, time FROM events ORDER BY sequence DESC LIMIT 1').get() ??
    genesis;
  if (head.sequence < sequence) {
    return `the event log ends at ${head.sequence}, but it had reached ${sequence} at ${anchor.time}: acknowledged work is missing`;
  }
  const anchored = database
    .prepare<[number], Buffer>('SELECT hash FROM events WHERE sequence = ?')
    .pluck()
    .get(sequence);
  const start = chainStart(database);
  const found = anchored ?? (start.sequence === sequence ? start.hash : undefined);
  if (sequence < start.sequence || sequence === 0) return undefined;
  if (found?.toString('hex') !== hash)
    return `event ${sequence} of ${anchor.time} is not the one that was recorded then`;
  return undefined;
}

function anchorText({ sequence, hash, time }: EventHead): string {
  const anchor: Anchor = { sequence, hash: hash.toString('hex'), time: new Date(time).toISOString() };
  return `${JSON.stringify(anchor)}\n`;
}

function readAnchor(directory: string): Anchor | undefined {
  let text: string;
  try {
    text = readFileSync(join(directory, anchorFileName), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const anchor = parseAnchor(text);
  // An anchor that cannot be read anchors nothing that could be trusted: it demands the impossible.
  return anchor ?? { sequence: Number.MAX_SAFE_INTEGER, hash: '', time: 'an unreadable anchor' };
}

function parseAnchor(text: string): Anchor | undefined {
  try {
    const parsed = JSON.parse(text) as Partial<Anchor>;
    const sound =
      Number.isSafeInteger(parsed.sequence) && typeof parsed.hash === 'string' && typeof parsed.time === 'string';
    return sound ? (parsed as Anchor) : undefined;
  } catch {
    return undefined;
  }
}
