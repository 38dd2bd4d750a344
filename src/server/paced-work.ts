const targetMs = 4;
const sizeMin = 16;
const sizeMax = 8_192;
const firstSize = 256;

/**
 * Work that can be done in pieces of any size, beside replies: each piece is made so large that it takes a few milliseconds,
 * whatever the machine and the size of the database.
 */
export class PacedWork {
  readonly #monotonicMs: () => number;
  #size = firstSize;

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  /** Does one piece and learns from its duration. */
  run<Result>(work: (size: number) => Result): Result {
    const startMs = this.#monotonicMs();
    const result = work(this.#size);
    const tookMs = this.#monotonicMs() - startMs;
    if (tookMs > targetMs * 2) this.#size = Math.max(sizeMin, Math.floor(this.#size / 2));
    else if (tookMs < targetMs) this.#size = Math.min(sizeMax, Math.ceil(this.#size * 1.25));
    return result;
  }
}
