import { Worker } from 'node:worker_threads';
import { workerFile } from '../installation.ts';
import type { JoinedValues } from './joined-values.ts';
import type { ReadAheadTask } from './read-ahead-worker.ts';
import { SharedRows } from './shared-rows.ts';

/** For fewer rows it takes longer to wake a thread than to read them. */
const rowsWorthwhile = 16;
/** MiB of JavaScript's memory: what is read is garbage at once. */
const resourceLimits = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32 };

/**
 * Rows of `chat_keys` that a thread of its own reads for the transaction at hand: where there are millions of keys, each is a page
 * out of a large file, and takes as long as everything else about a request. It reads what was committed before; whoever
 * changes a row afterwards has to say so.
 */
export class ReadAhead {
  readonly #rows: SharedRows;
  readonly #worker: Worker;
  readonly #ended: Promise<void>;
  /** The rows that were asked for, and how many of them, from the first one on, were needed since. */
  readonly #numbers: number[] = [];
  #next = 0;
  readonly #changed: number[] = [];

  /** `failed` hears of it when the thread is no more: everything goes on without it. */
  constructor(file: string, failed: (error: Error) => void, rows = new SharedRows()) {
    this.#rows = rows;
    this.#worker = new Worker(workerFile('read-ahead'), {
      workerData: { file, memory: this.#rows.memory } satisfies ReadAheadTask,
      resourceLimits,
    });
    this.#worker.on('error', failed);
    this.#ended = new Promise((resolve) => this.#worker.once('exit', () => resolve()));
    this.#worker.unref();
  }

  /**
   * Up to so many rows will be asked for, each as soon as it is known, in the order in which they are needed in the
   * transaction at hand; false where that is not worth it.
   */
  begin(count: number): boolean {
    this.forget();
    if (count < rowsWorthwhile) return false;
    this.#rows.begin();
    return true;
  }

  /** Has the row of a number read. */
  ask(number: number): void {
    if (this.#rows.ask(number)) this.#numbers.push(number);
  }

  /** Hands over a row, where it was read and is as it was. */
  readInto(values: JoinedValues, number: number): boolean {
    const row = this.#numbers.indexOf(number, this.#next);
    if (row < 0) return false;
    if (row === this.#next) {
      this.#next += 1;
      this.#rows.pass(this.#next);
    }
    return !this.#changed.includes(number) && this.#rows.readInto(values, row);
  }

  /** A row is changed in the transaction at hand, or goes. */
  noteChange(number: number): void {
    if (this.#numbers.length > 0) this.#changed.push(number);
  }

  /** The transaction has come to its end. */
  forget(): void {
    this.#numbers.length = 0;
    this.#changed.length = 0;
    this.#next = 0;
  }

  async stop(): Promise<void> {
    this.#worker.ref();
    this.#rows.stop();
    await this.#ended;
  }
}
