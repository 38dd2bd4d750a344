import { rmSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import type { Database } from 'better-sqlite3';
import { workerFile } from '../installation.ts';
import { autocheckpointFrames } from './database.ts';
import { ThreadFailure } from './failure.ts';
import type { Indexes } from './indexes.ts';
import { attachRounds, indexNames, roundsFile } from './sorted-rounds.ts';
import type { SortMessage, StoreMessage, StoreTask } from './store-worker.ts';

/** Who hears of what goes wrong in the thread of a store. */
export interface StoreThreadFailures {
  /** A checkpoint failed. Others follow, made at commits where the thread is no more. */
  checkpointFailed(error: Error): void;
  /** The indexes sort for themselves instead. */
  sortFailed(error: Error): void;
}

/** MiB of JavaScript's memory, of which it needs little. */
const resourceLimits = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32 };
const checkpointIntervalMs = 25;
/** A WAL of so many frames (4 KiB each) is started over; with fewer left to move, that takes a moment only. */
const framesWorthStartingOver = 1_000;
const framesLeftMax = 256;

/** Runs checkpoints in a thread of their own until it is stopped, and sorts there for the indexes where it `sorts`. */
export class StoreThread {
  readonly #database: Database;
  readonly #indexes: Indexes;
  readonly #failures: StoreThreadFailures;
  readonly #worker: Worker;
  readonly #ended: Promise<void>;

  constructor(database: Database, indexes: Indexes, sorts: boolean, failures: StoreThreadFailures) {
    this.#database = database;
    this.#indexes = indexes;
    this.#failures = failures;
    this.#worker = new Worker(workerFile('store'), {
      workerData: { file: database.name, checkpointIntervalMs, sorts } satisfies StoreTask,
      resourceLimits,
    });
    this.#worker.on('message', (message: StoreMessage) => this.#take(message));
    this.#worker.on('error', (error) => failures.checkpointFailed(error));
    this.#ended = new Promise((resolve) => {
      this.#worker.once('exit', () => {
        this.#goOnAlone();
        resolve();
      });
    });
    this.#worker.unref();
  }

  async stop(): Promise<void> {
    this.#indexes.sortHere();
    this.#worker.ref();
    this.#worker.postMessage('stop');
    await this.#ended;
  }

  #take(message: StoreMessage): void {
    if ('checkpointFailure' in message) this.#failures.checkpointFailed(new ThreadFailure(message.checkpointFailure));
    else if ('sortFailure' in message) {
      if ('index' in message) this.#indexes.sorted(message.index, undefined);
      this.#failures.sortFailed(new ThreadFailure(message.sortFailure));
    } else if ('canSort' in message) this.#sortThere();
    else if ('entries' in message) this.#indexes.sorted(message.index, message.entries);
    else if (message.frames >= framesWorthStartingOver && message.frames - message.moved <= framesLeftMax) {
      this.#moveLastFrames();
    }
  }

  /** All but a few frames are moved: only the writer itself can move the last ones. */
  #moveLastFrames(): void {
    try {
      this.#database.pragma('main.wal_checkpoint(PASSIVE)');
    } catch (error) {
      this.#failures.checkpointFailed(error as Error);
    }
  }

  #goOnAlone(): void {
    this.#indexes.sortHere();
    if (this.#database.open) this.#database.pragma(`wal_autocheckpoint = ${autocheckpointFrames}`);
  }

  #sortThere(): void {
    try {
      for (const index of indexNames) {
        attachRounds(this.#database, index);
        rmSync(roundsFile(this.#database.name, index));
      }
      this.#indexes.sortElsewhere((index, range) => this.#worker.postMessage({ index, range } satisfies SortMessage));
    } catch (error) {
      this.#indexes.sortHere();
      this.#failures.sortFailed(error as Error);
    }
  }
}
