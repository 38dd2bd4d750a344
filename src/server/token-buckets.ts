/** A request is paid for with a token; tokens come back at a steady rate, up to a burst. */
interface Bucket {
  tokens: number;
  filledAtMs: number;
}

/** Names whose buckets are remembered; the one that was used longest ago is forgotten, and starts full again. */
const bucketsMax = 65_536;

/** One limit for many names, in bounded memory. Time is monotonic: no administrator's clock changes a limit. */
export class TokenBuckets {
  readonly #perSecond: number;
  readonly #burst: number;
  readonly #buckets = new Map<string, Bucket>();

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
    const found = this.#buckets.get(name);
    if (found === undefined) {
      const bucket = { tokens: this.#burst, filledAtMs: nowMs };
      if (this.#buckets.size >= bucketsMax) this.#forgetOldest();
      this.#buckets.set(name, bucket);
      return bucket;
    }
    const earned = ((nowMs - found.filledAtMs) * this.#perSecond) / 1_000;
    found.tokens = Math.min(this.#burst, found.tokens + Math.max(0, earned));
    found.filledAtMs = nowMs;
    // To the end of the Map: the first entry is then the one that was used longest ago.
    this.#buckets.delete(name);
    this.#buckets.set(name, found);
    return found;
  }

  #forgetOldest(): void {
    const [oldest] = this.#buckets.keys();
    if (oldest !== undefined) this.#buckets.delete(oldest);
  }
}
