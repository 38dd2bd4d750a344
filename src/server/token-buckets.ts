/** A request is paid for with a token; tokens come back at a steady rate, up to a burst. */
interface Bucket {
  tokens: number;
  filledAtMs: number;
}

/**
 * At least so many names are remembered, those that were used last, and at most twice as many: the older half is forgotten
 * at once and starts full again. A Map from which the oldest is removed one by one looks through all that it has lost.
 */
const bucketsMin = 32_768;

/** One limit for many names, in bounded memory. Time is monotonic: no administrator's clock changes a limit. */
export class TokenBuckets {
  readonly #perSecond: number;
  readonly #burst: number;
  #recent = new Map<string, Bucket>();
  #older = new Map<string, Bucket>();

  /** `perSecond` of 0 limits nothing. */
  constructor(perSecond: number, burstSeconds: number) {
    this.#perSecond = perSecond;
    this.#burst = perSecond * burstSeconds;
  }

  /** Whether the name has a token left, which is taken. */
  take(name: string, nowMs: number): boolean {
    if (this.#perSecond === 0) return true;
    const bucket = this.#bucketOf(name, nowMs);
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }

  /** Whether the name has a token left, which stays. */
  has(name: string, nowMs: number): boolean {
    return this.#perSecond === 0 || this.#bucketOf(name, nowMs).tokens >= 1;
  }

  #bucketOf(name: string, nowMs: number): Bucket {
    const bucket = this.#find(name, nowMs);
    const earned = ((nowMs - bucket.filledAtMs) * this.#perSecond) / 1_000;
    bucket.tokens = Math.min(this.#burst, bucket.tokens + Math.max(0, earned));
    bucket.filledAtMs = nowMs;
    return bucket;
  }

  #find(name: string, nowMs: number): Bucket {
    const recent = this.#recent.get(name);
    if (recent !== undefined) return recent;
    const bucket = this.#older.get(name) ?? { tokens: this.#burst, filledAtMs: nowMs };
    if (this.#recent.size >= bucketsMin) {
      this.#older = this.#recent;
      this.#recent = new Map();
    }
    this.#recent.set(name, bucket);
    return bucket;
  }
}
