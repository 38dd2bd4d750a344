/** What is found where there is nothing. */
export const noHint = 0;

const slotsPerBucket = 4;
/** No more of its slots are filled. */
export const fillMax = 0.9;
const movesMax = 512;
/** An odd number that spreads neighbours: 2^32 divided by the golden ratio. */
const spread = 0x9e37_79b1;

/**
 * Numbers by the hashes of what they belong to, four bytes each: a slot holds a number and, as its tag, as many bits of the
 * hash as there is room for. So what is found may belong to something else; whoever was added is found, or another of its
 * tag. A cuckoo table: one may stand in either of two buckets, each of which follows from the other and the tag, and moves to the
 * other to make room. So a look is at eight slots, however full the table is.
 */
export class HintTable {
  readonly capacity: number;
  readonly #buckets: number;
  readonly #slots: Uint32Array;
  readonly #numberBits: number;
  readonly #numberMax: number;
  /** The lower bits of a hash: the upper ones say which bucket is asked first. */
  readonly #tagMax: number;
  /** The one for which no place was left. */
  #leftOver = noHint;
  held = 0;

  /** For numbers from 1 on. */
  constructor(capacity: number, numberMax: number) {
    this.#buckets = Math.ceil(capacity / slotsPerBucket);
    this.capacity = this.#buckets * slotsPerBucket;
    this.#slots = new Uint32Array(this.capacity);
    this.#numberBits = bitsOf(numberMax);
    this.#numberMax = 2 ** this.#numberBits - 1;
    this.#tagMax = 2 ** (32 - this.#numberBits) - 1;
  }

  /** A number that was added for a hash, most likely this one; `noHint` where it was none. */
  find(hash: number): number {
    const tag = hash & this.#tagMax;
    const bucket = this.#bucketOf(hash);
    const found = this.#findIn(bucket, tag);
    if (found !== noHint) return found;
    const foundInOther = this.#findIn(this.#otherBucket(bucket, tag), tag);
    if (foundInOther !== noHint) return foundInOther;
    return this.#leftOver >>> this.#numberBits === tag ? this.#leftOver & this.#numberMax : noHint;
  }

  /** All numbers that `find` could have found. */
  findAll(hash: number): number[] {
    const tag = hash & this.#tagMax;
    const bucket = this.#bucketOf(hash);
    const found: number[] = [];
    for (const each of [bucket, this.#otherBucket(bucket, tag)]) {
      const start = each * slotsPerBucket;
      for (let slot = start; slot < start + slotsPerBucket; slot += 1)
        this.#collect(this.#slots[slot] ?? noHint, tag, found);
    }
    this.#collect(this.#leftOver, tag, found);
    return found;
  }

  #collect(content: number, tag: number, found: number[]): void {
    if (content >>> this.#numberBits !== tag || content === noHint) return;
    const number = content & this.#numberMax;
    if (!found.includes(number)) found.push(number);
  }

  /** Whether what was added for the one may be found for the other. */
  areAlike(one: number, other: number): boolean {
    const tag = one & this.#tagMax;
    const bucket = this.#bucketOf(one);
    const isTagAlike = tag === (other & this.#tagMax);
    return isTagAlike && [bucket, this.#otherBucket(bucket, tag)].includes(this.#bucketOf(other));
  }

  /** False where there is no room, or none for so large a number. */
  add(hash: number, number: number): boolean {
    if (this.#isFull || number > this.#numberMax) return false;
    const tag = hash & this.#tagMax;
    const content = ((tag << this.#numberBits) | number) >>> 0;
    const bucket = this.#bucketOf(hash);
    const other = this.#otherBucket(bucket, tag);
    if (this.#isIn(bucket, content) || this.#isIn(other, content)) return true;
    this.held += 1;
    if (!this.#place(bucket, content) && !this.#place(other, content)) this.#displace(other, content);
    return true;
  }

  get #isFull(): boolean {
    return this.#leftOver !== noHint || this.held >= this.capacity * fillMax;
  }

  #findIn(bucket: number, tag: number): number {
    const end = (bucket + 1) * slotsPerBucket;
    for (let slot = end - slotsPerBucket; slot < end; slot += 1) {
      const content = this.#slots[slot] ?? noHint;
      if (content >>> this.#numberBits === tag && content !== noHint) return content & this.#numberMax;
    }
    return noHint;
  }

  #isIn(bucket: number, content: number): boolean {
    const end = (bucket + 1) * slotsPerBucket;
    for (let slot = end - slotsPerBucket; slot < end; slot += 1) if (this.#slots[slot] === content) return true;
    return false;
  }

  #place(bucket: number, content: number): boolean {
    const end = (bucket + 1) * slotsPerBucket;
    for (let slot = end - slotsPerBucket; slot < end; slot += 1) {
      if (this.#slots[slot] !== noHint) continue;
      this.#slots[slot] = content;
      return true;
    }
    return false;
  }

  /** Puts it in the place of one in a full bucket, and that one into its other bucket, and so on. */
  #displace(fullBucket: number, content: number): void {
    let bucket = fullBucket;
    let homeless = content;
    for (let moves = 0; moves < movesMax; moves += 1) {
      const slot = bucket * slotsPerBucket + (moves % slotsPerBucket);
      const displaced = this.#slots[slot] ?? noHint;
      this.#slots[slot] = homeless;
      homeless = displaced;
      bucket = this.#otherBucket(bucket, homeless >>> this.#numberBits);
      if (this.#place(bucket, homeless)) return;
    }
    this.#leftOver = homeless;
  }

  #bucketOf(hash: number): number {
    return Math.floor((hash / 2 ** 32) * this.#buckets);
  }

  /** The other one of the two, from either. */
  #otherBucket(bucket: number, tag: number): number {
    const sum = this.#bucketOf(Math.imul(tag + 1, spread) >>> 0);
    return sum >= bucket ? sum - bucket : sum - bucket + this.#buckets;
  }
}

/** How many bits a number takes. */
export function bitsOf(number: number): number {
  return Math.floor(Math.log2(number)) + 1;
}
