import type { Buffer } from 'node:buffer';
import { MemoryParts } from '../bytes/memory-parts.ts';
import { SharedWork } from '../bytes/shared-work.ts';
import type { JoinedValues } from './joined-values.ts';

/** So many rows can be asked for at once. */
export const rowsMax = 1_024;
/** Longer ones are left out: no row is, unless it is damaged. */
const rowSizeMax = 512;

const wordSize = Int32Array.BYTES_PER_ELEMENT;
const workWords = SharedWork.wordsFor(rowsMax);

/**
 * Memory that two threads share, in which one asks for rows by their numbers and the other puts them there; the one that
 * asks never waits.
 */
export class SharedRows {
  readonly memory: SharedArrayBuffer;
  readonly #work: SharedWork;
  readonly #numbers: Int32Array;
  readonly #sizes: Int32Array;
  readonly #bytes: Buffer;

  constructor(memory = new SharedArrayBuffer((workWords + 2 * rowsMax) * wordSize + rowsMax * rowSizeMax)) {
    this.memory = memory;
    const parts = new MemoryParts(memory);
    this.#work = new SharedWork(parts.words(workWords));
    this.#numbers = parts.words(rowsMax);
    this.#sizes = parts.words(rowsMax);
    this.#bytes = parts.bytes(rowsMax * rowSizeMax);
  }

  /** Begins a task; what was asked for before is of no use any more. After `stop` there are no tasks. */
  begin(): void {
    this.#work.begin();
  }

  /** Asks for one more row, which is the next one of the task; false where there is no room. */
  ask(number: number): boolean {
    const row = this.#work.next();
    if (row === undefined) return false;
    this.#numbers[row] = number;
    this.#work.ask();
    return true;
  }

  /** So many rows from the first one on are not needed any more. */
  pass(rows: number): void {
    this.#work.pass(rows);
  }

  /** Hands over a row of the task; false where it is not there. */
  readInto(values: JoinedValues, row: number): boolean {
    if (!this.#work.isAnswered(row)) return false;
    values.readBytes(this.#bytes, row * rowSizeMax, this.#sizes[row] ?? 0);
    return true;
  }

  /** Ends the other thread's `answer`. */
  stop(): void {
    this.#work.stop();
  }

  /**
   * For the other thread: has rows read as long as there are some that were asked for. `work` is what it does about those
   * that follow each other, and gets the function that does it; waits where there is nothing to do. Returns after `stop`.
   */
  answer(work: (readRows: () => void) => void, read: (number: number) => string | undefined): void {
    this.#work.answer(work, (row) => {
      const found = read(this.#numbers[row] ?? 0);
      if (found === undefined || found.length > rowSizeMax * 2) return false;
      this.#sizes[row] = this.#bytes.write(found, row * rowSizeMax, 'hex');
      return true;
    });
  }
}
