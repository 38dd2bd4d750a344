import { collectYoungGarbage } from './heap.ts';

/** Bytes of a read that counts: a smaller piece of memory goes soon enough with other garbage. */
export const largeReadMin = 16_384;
const collectedTogether = 4_194_304;

/** What sockets have read in large pieces: memory that is garbage almost at once, and is collected when there is enough of it. */
export class LargeReads {
  readonly #collect: () => void;
  #size = 0;

  constructor(collect = collectYoungGarbage) {
    this.#collect = collect;
  }

  note(size: number): void {
    this.#size += size;
    if (this.#size < collectedTogether) return;
    this.#size = 0;
    this.#collect();
  }
}
