import { parentPort, workerData } from 'node:worker_threads';
import { openDatabase } from './database.ts';
import type { Range } from './round-parts.ts';
import { type IndexName, indexNames, SortedRounds } from './sorted-rounds.ts';

/**
 * The thread that works for a store beside the one that answers. It moves what the WAL holds into the database file, with
 * its syncs, so that the thread that answers never waits for them. Passive: it waits for nobody and nobody waits for it. And
 * it sorts what indexes are brought up to date with.
 */
export interface StoreTask {
  readonly file: string;
  readonly checkpointIntervalMs: number;
  /** Whether it is to sort. */
  readonly sorts: boolean;
}

/** The entries of these rows are wanted. */
export interface SortMessage {
  readonly index: IndexName;
  readonly range: Range;
}

export interface Failure {
  readonly code: string;
  readonly message: string;
}

export type StoreMessage =
  /** After each checkpoint that moved something: frames in the WAL, and how many of them are in the database. */
  | { readonly frames: number; readonly moved: number }
  | { readonly checkpointFailure: Failure }
  /** It is there to be asked, and has made the files. */
  | { readonly canSort: true }
  /** The answer to what was asked: how many entries there are for each table, or why there are none. */
  | { readonly index: IndexName; readonly entries: readonly number[] }
  | { readonly index: IndexName; readonly sortFailure: Failure }
  /** It cannot be asked to sort. */
  | { readonly sortFailure: Failure };

/** Whatever it reads, it reads once. */
const cacheSizeKib = -2_048;

const { file, checkpointIntervalMs, sorts } = workerData as StoreTask;
const database = openDatabase(file);
database.pragma(`cache_size = ${cacheSizeKib}`);
let movedBefore = 0;
const timer = setInterval(moveFrames, checkpointIntervalMs);
const wanted: SortMessage[] = [];
let rounds: ReadonlyMap<IndexName, SortedRounds> | undefined;
let hasStopped = false;

parentPort?.on('message', (message: SortMessage | 'stop') => {
  if (message === 'stop') stop();
  else if (wanted.push(message) === 1) sortNext();
});
if (sorts) makeRounds();

function makeRounds(): void {
  try {
    rounds = new Map(indexNames.map((index) => [index, new SortedRounds(database, index)]));
    tell({ canSort: true });
  } catch (error) {
    tell({ sortFailure: failureOf(error) });
  }
}

function sortNext(): void {
  const [next] = wanted;
  if (next === undefined) return;
  const sorting = rounds?.get(next.index)?.sort(next.range);
  if (sorting !== undefined) goOn(next.index, sorting);
}

/** One piece after the other; checkpoints come in between. */
function goOn(index: IndexName, sorting: Generator<void, number[]>): void {
  if (hasStopped) return;
  try {
    const { done, value } = sorting.next();
    if (done !== true) return void setImmediate(() => goOn(index, sorting));
    tell({ index, entries: value });
  } catch (error) {
    tell({ index, sortFailure: failureOf(error) });
  }
  wanted.shift();
  sortNext();
}

function moveFrames(): void {
  try {
    const [found] = database.pragma('main.wal_checkpoint(PASSIVE)') as { log: number; checkpointed: number }[];
    const { log: frames = 0, checkpointed: moved = 0 } = found ?? {};
    if (moved !== movedBefore) tell({ frames, moved });
    movedBefore = moved;
  } catch (error) {
    tell({ checkpointFailure: failureOf(error) });
  }
}

function stop(): void {
  hasStopped = true;
  clearInterval(timer);
  database.close();
  parentPort?.close();
}

/** An error of SQLite would lose its words between threads. */
function failureOf(error: unknown): Failure {
  const { code = 'error', message } = error as { code?: string; message: string };
  return { code, message };
}

function tell(message: StoreMessage): void {
  parentPort?.postMessage(message);
}
