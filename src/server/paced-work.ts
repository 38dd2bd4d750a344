const targetMsDefault = 4;
const sizeMin = 16;
const sizeMaxDefault = 8_192;
const firstSize = 256;

/**
 * Work that can be done in pieces of any size, beside replies: each piece is made so large that it takes a few milliseconds,
 * whatever the machine and the size of the database.
 */
export class PacedWork {
  readonly #monotonicMs: () => number;
  readonly #sizeMax: number;
  readonly #targetMs: number;
  #size: number;

  constructor(monotonicMs: () => number, sizeMax = sizeMaxDefault, targetMs = targetMsDefault) {
    this.#monotonicMs = monotonicMs;
    this.#sizeMax = sizeMax;
    this.#targetMs = targetMs;
    this.#size = Math.min(firstSize, sizeMax);
  }

  /** Does one piece and learns from its duration. */
  run<Result>(work: (size: number) => Result): Result {
    const startMs = this.#monotonicMs();
    const result = work(this.#size);
    const tookMs = this.#monotonicMs() - startMs;
    if (tookMs > this.#targetMs * 2) this.#size = Math.max(sizeMin, Math.floor(this.#size / 2));
    else if (tookMs < this.#targetMs) this.#size = Math.min(this.#sizeMax, Math.ceil(this.#size * 1.25));
    return result;
  }
}
