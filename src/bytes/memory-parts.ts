import { Buffer } from 'node:buffer';

/** Parts of a shared memory, each behind the one that was taken before; words are taken before bytes. */
export class MemoryParts {
  readonly #memory: SharedArrayBuffer;
  #start = 0;

  constructor(memory: SharedArrayBuffer) {
    this.#memory = memory;
  }

  /** So many integers of 32 bits. */
  words(count: number): Int32Array {
    const words = new Int32Array(this.#memory, this.#start, count);
    this.#start += words.byteLength;
    return words;
  }

  bytes(size: number): Buffer {
    const bytes = Buffer.from(this.#memory, this.#start, size);
    this.#start += size;
    return bytes;
  }
}
