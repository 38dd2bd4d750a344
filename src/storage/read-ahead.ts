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
 * Rows of `chat_keys` that a thread of its own reads for the transaction at hand: where there are millions of keys, each
 * is a page out of a large file, and takes as long as everything else about a request. It reads what was committed
 * before; whoever changes a row afterwards has to say so.
 */
export class ReadAhead {
  readonly #rows: SharedRows;
  readonly #worker: Worker;
  readonly #ended: Promise<void>;
  /** Whether rows are being asked for. */
  #isOpen = false;
  /** The rows that were asked for, and in which turn each of them is needed. */
  readonly #numbers: number[] = [];
  readonly #turns: number[] = [];
  /** The first row of this turn or a later one. */
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
   * In each of so many turns of the transaction at hand, one row at most is needed; it is asked for as soon as it is known.
   * False where that is not worth it.
   */
  begin(turns: number): boolean {
    this.forget();
    this.#isOpen = turns >= rowsWorthwhile;
    if (this.#isOpen) this.#rows.begin();
    return this.#isOpen;
  }

  /** Has the row of a number read for a turn, which comes after those that rows were asked for before. */
  ask(number: number, turn: number): void {
    if (!this.#rows.ask(number)) return;
    this.#numbers.push(number);
    this.#turns.push(turn);
  }

  /** A turn begins: the rows of those before are not needed any more. */
  reachTurn(turn: number): void {
    const before = this.#next;
    while ((this.#turns[this.#next] ?? turn) < turn) this.#next += 1;
    if (this.#next > before) this.#rows.pass(this.#next);
  }

  /** Hands over a row, where it is the next one that is needed, and was read, and is as it was. */
  readInto(values: JoinedValues, number: number): boolean {
    return (
      this.#numbers[this.#next] === number && !this.#changed.includes(number) && this.#rows.readInto(values, this.#next)
    );
  }

  /** A row is changed in the transaction at hand, or goes. */
  noteChange(number: number): void {
    if (this.#isOpen) this.#changed.push(number);
  }

  /** The transaction has come to its end: no row is needed any more. */
  forget(): void {
    if (!this.#isOpen) return;
    this.#rows.pass(this.#numbers.length);
    this.#isOpen = false;
    this.#numbers.length = 0;
    this.#turns.length = 0;
    this.#changed.length = 0;
    this.#next = 0;
  }

  async stop(): Promise<void> {
    this.#worker.ref();
    this.#rows.stop();
    await this.#ended;
  }
}
