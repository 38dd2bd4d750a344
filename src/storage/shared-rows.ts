import { Buffer } from 'node:buffer';
import type { JoinedValues } from './joined-values.ts';

/** So many rows can be asked for at once. */
export const rowsMax = 1_024;
/** Longer ones are left out: no row is, unless it is damaged. */
const rowSizeMax = 512;
/** Whoever reads rows hardly sooner than they are needed goes on so many rows later: those between come too late. */
const lead = 4;

/** Tasks count from 1, and start over long before they are no integers of 32 bits. */
const noTask = 0;
const tasksMax = 2 ** 30;
const stopped = -1;

/** The control words: the latest task, its rows so far, how many of them are past, and what changes with each call. */
const latest = 0;
const count = 1;
const past = 2;
const calls = 3;
const controlWords = 16;

const wordSize = Int32Array.BYTES_PER_ELEMENT;

/**
 * Memory that two threads share, in which one asks for rows by their numbers and the other puts them there; the one that
 * asks never waits. A task is what is asked for together; each row has the number of the task that it was read for, written
 * last: where that is the latest task, the row is whole.
 */
export class SharedRows {
  readonly memory: SharedArrayBuffer;
  readonly #control: Int32Array;
  readonly #numbers: Int32Array;
  readonly #sizes: Int32Array;
  /** For which task each row was read. */
  readonly #tasks: Int32Array;
  readonly #bytes: Buffer;

  constructor(memory = new SharedArrayBuffer((controlWords + 3 * rowsMax) * wordSize + rowsMax * rowSizeMax)) {
    this.memory = memory;
    let start = 0;
    const words = (length: number) => {
      const array = new Int32Array(memory, start, length);
      start += length * wordSize;
      return array;
    };
    this.#control = words(controlWords);
    this.#numbers = words(rowsMax);
    this.#sizes = words(rowsMax);
    this.#tasks = words(rowsMax);
    this.#bytes = Buffer.from(memory, start, rowsMax * rowSizeMax);
  }

  /** Begins a task; what was asked for before is of no use any more. After `stop` there are no tasks. */
  begin(): void {
    const before = Atomics.load(this.#control, latest);
    if (before === stopped) return;
    const task = (before % tasksMax) + 1;
    if (task === 1) this.#tasks.fill(noTask);
    Atomics.store(this.#control, count, 0);
    Atomics.store(this.#control, past, 0);
    Atomics.store(this.#control, latest, task);
  }

  /** Asks for one more row, which is the next one of the task; false where there is no room. */
  ask(number: number): boolean {
    const row = Atomics.load(this.#control, count);
    if (row === rowsMax) return false;
    this.#numbers[row] = number;
    Atomics.store(this.#control, count, row + 1);
    this.#call();
    return true;
  }

  /** So many rows from the first one on are not needed any more. */
  pass(rows: number): void {
    Atomics.store(this.#control, past, rows);
  }

  /** Hands over a row of the task; false where it is not there. */
  readInto(values: JoinedValues, row: number): boolean {
    if (Atomics.load(this.#tasks, row) !== Atomics.load(this.#control, latest)) return false;
    values.readBytes(this.#bytes, row * rowSizeMax, this.#sizes[row] ?? 0);
    return true;
  }

  /** Ends the other thread's `answer`. */
  stop(): void {
    Atomics.store(this.#control, latest, stopped);
    this.#call();
  }

  #call(): void {
    Atomics.add(this.#control, calls, 1);
    Atomics.notify(this.#control, calls);
  }

  /**
   * For the other thread: has rows read as long as there are some that were asked for. `work` is what it does about those
   * that follow each other, and gets the function that does it; waits where there is nothing to do. Returns after `stop`.
   */
  answer(work: (readRows: () => void) => void, read: (number: number) => string | undefined): void {
    let task = noTask;
    let row = 0;
    const readRows = () => {
      while (Atomics.load(this.#control, latest) === task && row < Atomics.load(this.#control, count)) {
        const found = read(this.#numbers[row] ?? 0);
        if (found !== undefined && found.length <= rowSizeMax * 2) {
          this.#sizes[row] = this.#bytes.write(found, row * rowSizeMax, 'hex');
          Atomics.store(this.#tasks, row, task);
        }
        row += 1;
        const needed = Atomics.load(this.#control, past);
        if (row <= needed) row = needed + lead;
      }
    };
    for (;;) {
      const seen = Atomics.load(this.#control, calls);
      const found = Atomics.load(this.#control, latest);
      if (found === stopped) return;
      if (found !== task) row = 0;
      task = found;
      if (row < Atomics.load(this.#control, count)) work(readRows);
      else Atomics.wait(this.#control, calls, seen);
    }
  }
}
