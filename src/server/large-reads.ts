import { collectYoungGarbage } from './heap.ts';

/** Smaller ones are requests of the usual size, and go with the garbage of those. */
const largeSize = 16_384;
const collectedTogether = 4_194_304;

/**
 * What sockets have read in large pieces. It is memory outside of the heap that is garbage almost at once; by itself it is
 * looked for when there are 32 MiB of it.
 */
export class LargeReads {
  #size = 0;

  note(size: number): void {
    if (size < largeSize) return;
    this.#size += size;
    if (this.#size < collectedTogether) return;
    this.#size = 0;
    collectYoungGarbage();
  }
}
