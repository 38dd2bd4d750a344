import { type Coin, serialNumberLimit } from '../domain/coin.ts';

/**
 * Entries on their way into an index, handed out in the order of the index some at a time. They are spread over buckets
 * as they come, so that no single sort takes long.
 */
export class SortedBuckets<Entry> {
  readonly #bucketOf: (entry: Entry) => number;
  readonly #compare: (one: Entry, other: Entry) => number;
  readonly #buckets: Entry[][];
  #sorted: Entry[] = [];
  #position = 0;
  #next = 0;

  /** `bucketOf` gives a number below `count` that never falls while entries rise. */
  constructor(count: number, bucketOf: (entry: Entry) => number, compare: (one: Entry, other: Entry) => number) {
    this.#bucketOf = bucketOf;
    this.#compare = compare;
    this.#buckets = Array.from({ length: count }, () => []);
  }

  add(entry: Entry): void {
    this.#buckets[this.#bucketOf(entry)]?.push(entry);
  }

  /** The next entries, at most `count`; none when all were taken. */
  take(count: number): Entry[] {
    const taken: Entry[] = [];
    while (taken.length < count && this.#open()) {
      const some = this.#sorted.slice(this.#position, this.#position + count - taken.length);
      this.#position += some.length;
      taken.push(...some);
    }
    return taken;
  }

  /** Makes sure that the sorted bucket has entries left; false where no bucket has. */
  #open(): boolean {
    while (this.#position >= this.#sorted.length) {
      if (this.#next >= this.#buckets.length) return false;
      this.#sorted = (this.#buckets[this.#next] ?? []).sort(this.#compare);
      this.#buckets[this.#next] = [];
      this.#position = 0;
      this.#next += 1;
    }
    return true;
  }
}

/** Buckets for entries in the order of their ids. */
export function keyBuckets<Entry extends { readonly keyId: Buffer }>(): SortedBuckets<Entry> {
  return new SortedBuckets<Entry>(
    256,
    ({ keyId }) => keyId[0] ?? 0,
    (one, other) => one.keyId.compare(other.keyId),
  );
}

/** Serial numbers of a coin that exists fall into the first of a denomination's buckets; a request can name any. */
const serialNumbersEach = 65_536;
const bucketsEach = Math.ceil(serialNumberLimit / serialNumbersEach) + 1;

/** Buckets for entries in the order of their coins, which may be any that a request can name. */
export function coinBuckets<Entry extends Coin>(): SortedBuckets<Entry> {
  return new SortedBuckets<Entry>(
    256 * bucketsEach,
    ({ denomination, serialNumber }) =>
      (denomination + 128) * bucketsEach + Math.min(bucketsEach - 1, Math.floor(serialNumber / serialNumbersEach)),
    (one, other) => one.denomination - other.denomination || one.serialNumber - other.serialNumber,
  );
}
