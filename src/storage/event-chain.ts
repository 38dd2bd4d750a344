import { Buffer } from 'node:buffer';
import type { Database } from 'better-sqlite3';
import { type EventHead, type EventRow, eventHash, genesis, type ReconstructionRow, writtenHash } from './events.ts';
import { readSetting, writeSetting } from './settings.ts';

/**
 * The event chain as its verifier sees it. Pruning removes the oldest events; where the rest starts is kept as a setting
 * and proved by the event that recorded the pruning.
 */
const chainStartName = 'chain_start';
export const pruneAction = 'events-pruned';

/** What the first event that is still there follows: the last pruned one, or nothing. */
export function chainStart(database: Database): EventHead {
  const value = readSetting(database, chainStartName);
  if (value === undefined) return genesis;
  const { sequence, hash, time } = JSON.parse(value.toString('utf8')) as StoredHead;
  return { sequence, hash: Buffer.from(hash, 'hex'), time };
}

interface StoredHead {
  readonly sequence: number;
  readonly hash: string;
  readonly time: number;
}

export function writeChainStart(database: Database, { sequence, hash, time }: EventHead): void {
  const stored: StoredHead = { sequence, hash: hash.toString('hex'), time };
  writeSetting(database, chainStartName, Buffer.from(JSON.stringify(stored)));
}

/** One link of the chain, ready to be hashed. */
export interface ChainLink {
  readonly row: EventRow;
  readonly reconstructions: readonly ReconstructionRow[];
  readonly hash: Buffer;
}

/** The same where SQLite has written row and hash as text already: a third of the time. */
type WrittenLink = [sequence: number, time: number, action: string, hash: string, text: string];

/** Checks links one after the other: order, hashes, and that a chain which does not start at the beginning says so. */
export class ChainVerifier {
  readonly faults: string[] = [];
  /** The link before the next one; its hash in hexadecimal. */
  #sequence: number;
  #hash: string;
  #time: number;
  #start: EventHead;
  #startIsProved: boolean;
  checked = 0;

  constructor(start: EventHead) {
    this.#sequence = start.sequence;
    this.#hash = start.hash.toString('hex');
    this.#time = start.time;
    this.#start = start;
    this.#startIsProved = start.sequence === 0;
  }

  get head(): EventHead {
    return { sequence: this.#sequence, hash: Buffer.from(this.#hash, 'hex'), time: this.#time };
  }

  add({ row, reconstructions, hash }: ChainLink): void {
    const [sequence, time, action, , , , , , , , , , , , details] = row;
    this.checked += 1;
    if (sequence !== this.#sequence + 1) {
      this.faults.push(`after event ${this.#sequence} comes ${sequence}: what was between them is missing`);
    } else if (eventHash(this.#hash, row, reconstructions) !== hash.toString('hex')) {
      this.faults.push(`event ${sequence} is not what was once recorded: its hash does not fit`);
    }
    if (action === pruneAction && details !== null) this.#noticePruning(details);
    this.#sequence = sequence;
    this.#hash = hash.toString('hex');
    this.#time = time;
  }

  /** To be called after the last link. */
  finish(): void {
    if (!this.#startIsProved) {
      this.faults.push(`the chain starts after event ${this.#start.sequence}, and no event records that pruning`);
    }
  }

  /** Checks a written link where its text leads to its hash; false where it has to be looked at column by column. */
  addWritten([sequence, time, , hash, text]: WrittenLink): boolean {
    if (sequence !== this.#sequence + 1 || writtenHash(this.#hash, text) !== hash) return false;
    this.checked += 1;
    this.#sequence = sequence;
    this.#hash = hash;
    this.#time = time;
    return true;
  }

  #noticePruning(details: string): void {
    const { sequence, hash } = parseStart(details);
    if (sequence === this.#start.sequence && hash === this.#start.hash.toString('hex')) this.#startIsProved = true;
  }
}

function parseStart(details: string): { sequence?: number; hash?: string } {
  try {
    return JSON.parse(details) as { sequence?: number; hash?: string };
  } catch {
    return {};
  }
}

/** Actions whose links are more than their row, or mean something to the chain itself. */
const specialActions = ['decrypt-raida-key', 'coins-reverted', pruneAction];

/**
 * Runs the whole chain of a database through a verifier, in short reads. `progress` hears how many links are done.
 */
export function verifyChain(database: Database, chain: ChainVerifier, progress: (done: number) => void): void {
  const select = database
    .prepare<[number, number], unknown[]>(
      `SELECT sequence, time, action, lower(hex(hash)), json_array(sequence, time, action, status, reason, encryption_type, denomination,
       serial_number, encryption_denomination, encryption_serial_number, second_denomination, second_serial_number,
       iif(key_id IS NULL, NULL, lower(hex(key_id))), address, details)
     FROM events WHERE sequence > ? ORDER BY sequence LIMIT ?`,
    )
    .raw();
  let position = chain.head.sequence;
  for (;;) {
    const links = select.all(position, linksPerRead) as WrittenLink[];
    for (const link of links) {
      const [sequence, , action] = link;
      if (specialActions.includes(action) || !chain.addWritten(link)) {
        for (const slow of chainLinks(database, sequence - 1, 1)) chain.add(slow);
      }
    }
    const end = links.at(-1)?.[0];
    if (end === undefined) return;
    if (end <= position) throw new Error('their order is broken');
    position = end;
    progress(chain.checked);
  }
}

const linksPerRead = 2_000;

const columns = `sequence, time, action, status, reason, encryption_type, denomination, serial_number,
  encryption_denomination, encryption_serial_number, second_denomination, second_serial_number, key_id, address, details, hash`;

/** Streams the links after a sequence number, at most `count` of them, in short reads. */
export function* chainLinks(database: Database, after: number, count = Number.MAX_SAFE_INTEGER): Generator<ChainLink> {
  const selectEvents = database
    .prepare<[number, number], unknown[]>(`SELECT ${columns} FROM events WHERE sequence > ? ORDER BY sequence LIMIT ?`)
    .raw();
  const selectRecords = database
    .prepare<[number], unknown[]>(
      `SELECT position, denomination, serial_number, split_id, authority, reason, previous
       FROM reconstructions WHERE event = ? ORDER BY position`,
    )
    .raw();
  let position = after;
  let left = count;
  while (left > 0) {
    const rows = selectEvents.all(position, Math.min(left, linksPerRead));
    left -= rows.length;
    for (const values of rows) {
      const row = values.slice(0, -1) as EventRow;
      const reconstructions = mayReconstruct.includes(row[2])
        ? (selectRecords.all(row[0]) as ReconstructionRow[])
        : noRecords;
      yield { row, reconstructions, hash: values.at(-1) as Buffer };
    }
    const last = rows.at(-1);
    if (last === undefined) return;
    const end = last[0] as number;
    if (end <= position) throw new Error('their order is broken');
    position = end;
  }
}

/** Actions whose events have rows in `reconstructions`. */
const mayReconstruct = ['decrypt-raida-key', 'coins-reverted'];

const noRecords: ReconstructionRow[] = [];
