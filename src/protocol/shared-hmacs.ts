import { Buffer } from 'node:buffer';
import { copyBytes } from '../bytes/copy.ts';
import { MemoryParts } from '../bytes/memory-parts.ts';
import { SharedWork } from '../bytes/shared-work.ts';
import { appendHmac, hmacSize, shortTextSizeMax } from './hmac.ts';

/** So many HMACs can be asked for at once. */
export const hmacsMax = 1_024;
const keySize = 32;
/** A text, at the end of its room, and its HMAC behind it. */
const slotSize = shortTextSizeMax + hmacSize;

const wordSize = Int32Array.BYTES_PER_ELEMENT;
const workWords = SharedWork.wordsFor(hmacsMax);
/** Keys are numbered as they follow each other, and start over long before that is no integer of 32 bits. */
const keyNumbersMax = 2 ** 30;
const noKey = 0;

/**
 * Memory that two threads share, in which one asks for the HMACs of short texts and the other puts them there; the one that
 * asks never waits.
 */
export class SharedHmacs {
  readonly memory: SharedArrayBuffer;
  readonly #work: SharedWork;
  readonly #keyNumbers: Int32Array;
  readonly #sizes: Int32Array;
  readonly #keys: Buffer;
  readonly #slots: Buffer;
  /** Views of the HMACs in the slots, as far as they were needed. */
  readonly #views: (Buffer | undefined)[] = [];
  /** Of the question before: the same buffer is the same key. */
  #key: Buffer | undefined;
  #keyNumber = noKey;

  constructor(memory = new SharedArrayBuffer((workWords + 2 * hmacsMax) * wordSize + hmacsMax * (keySize + slotSize))) {
    this.memory = memory;
    const parts = new MemoryParts(memory);
    this.#work = new SharedWork(parts.words(workWords));
    this.#keyNumbers = parts.words(hmacsMax);
    this.#sizes = parts.words(hmacsMax);
    this.#keys = parts.bytes(hmacsMax * keySize);
    this.#slots = parts.bytes(hmacsMax * slotSize);
  }

  /** Begins a task; what was asked for before is of no use any more, nor what was handed over. */
  begin(): void {
    this.#work.begin();
  }

  /**
   * Asks for the HMAC of `size` bytes from `start` on, under a key of 32 bytes. Returns its place, counted from 0 for each
   * task; undefined where there is no room, or the text is long or nothing.
   */
  ask(key: Buffer, source: Buffer, start: number, size: number): number | undefined {
    if (size === 0 || size > shortTextSizeMax) return undefined;
    const place = this.#work.next();
    if (place === undefined) return undefined;
    if (key !== this.#key) {
      this.#key = key;
      this.#keyNumber = (this.#keyNumber % keyNumbersMax) + 1;
    }
    this.#keyNumbers[place] = this.#keyNumber;
    this.#sizes[place] = size;
    copyBytes(key, 0, this.#keys, place * keySize, keySize);
    copyBytes(source, start, this.#slots, endOf(place) - size, size);
    this.#work.ask();
    return place;
  }

  /** So many of those that were asked for, from the first one on, are not needed any more. */
  pass(hmacs: number): void {
    this.#work.pass(hmacs);
  }

  /** The HMAC that was asked for; undefined where it is not there. Its memory is used again after `begin`. */
  at(place: number): Buffer | undefined {
    if (!this.#work.isAnswered(place)) return undefined;
    const view = this.#views[place] ?? this.#slots.subarray(endOf(place), endOf(place) + hmacSize);
    this.#views[place] = view;
    return view;
  }

  /** Ends the other thread's `compute`. */
  stop(): void {
    this.#work.stop();
  }

  /** For the other thread: computes what is asked for, and waits where there is nothing. Returns after `stop`. */
  compute(): void {
    let key = Buffer.alloc(0);
    let keyNumber = noKey;
    this.#work.answer(
      (computeAll) => {
        // What was read last may have been half of one key and half of the next.
        keyNumber = noKey;
        computeAll();
      },
      (place) => {
        const number = this.#keyNumbers[place] ?? 0;
        if (number !== keyNumber) key = Buffer.from(this.#keys.subarray(place * keySize, (place + 1) * keySize));
        keyNumber = number;
        const size = this.#sizes[place] ?? 0;
        appendHmac(key, this.#slots, endOf(place) - size, size);
        return true;
      },
    );
  }
}

/** Where the text in a slot ends. */
function endOf(place: number): number {
  return place * slotSize + shortTextSizeMax;
}
