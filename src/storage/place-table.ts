import type { Buffer } from 'node:buffer';

/** A slot is empty, or was emptied, or says which place its key has, plus two, below some bits of the key's hash. */
const empty = 0;
const emptied = 1;
const placeOffset = 2;

/**
 * Finds the places of keys: a hash table in one array, half of it empty, for those who keep the keys themselves in arrays of
 * bytes. A Map takes strings, and with them several times the memory and the work of collecting them.
 */
export abstract class PlaceTable {
  readonly #slots: Uint32Array;
  /** A bit for each of some hashes, eight times as many as places: most keys that are not there need no look at the slots. */
  readonly #hints: Uint8Array;
  /** How many bits of a slot say which place its key has; as many of a hash say which slot is asked first. */
  readonly #placeBits: number;

  /** `capacity`, a power of two, is the number of places, which count from 0. */
  constructor(capacity: number) {
    this.#slots = new Uint32Array(capacity * 2);
    this.#hints = new Uint8Array(capacity);
    this.#placeBits = Math.log2(this.#slots.length);
  }

  /** Forgets all keys. */
  clear(): void {
    this.#slots.fill(empty);
    this.#hints.fill(0);
  }

  protected abstract holds(place: number, key: Buffer): boolean;

  /** `hash` is `hashOf(key)`. */
  placeOf(key: Buffer, hash: number): number | undefined {
    const slot = this.#slotOf(key, hash);
    return slot === undefined ? undefined : this.#placeIn(slot);
  }

  delete(key: Buffer, hash: number): void {
    const slot = this.#slotOf(key, hash);
    if (slot !== undefined) this.#slots[slot] = emptied;
  }

  /** For a key that has no place yet. */
  protected occupy(place: number, hash: number): void {
    let slot = this.#firstSlotOf(hash);
    while ((this.#slots[slot] ?? empty) > emptied) slot = this.#slotAfter(slot);
    this.#slots[slot] = (hash << this.#placeBits) | (place + placeOffset);
    const byte = this.#hintByteOf(hash);
    this.#hints[byte] = (this.#hints[byte] ?? 0) | hintOf(hash);
  }

  #slotOf(key: Buffer, hash: number): number | undefined {
    if (((this.#hints[this.#hintByteOf(hash)] ?? 0) & hintOf(hash)) === 0) return undefined;
    let slot = this.#firstSlotOf(hash);
    for (let tried = 0; tried < this.#slots.length; tried += 1, slot = this.#slotAfter(slot)) {
      const content = this.#slots[slot] ?? empty;
      if (content === empty) return undefined;
      const fits = content !== emptied && (content ^ (hash << this.#placeBits)) >>> this.#placeBits === 0;
      if (fits && this.holds(this.#placeIn(slot), key)) return slot;
    }
    return undefined;
  }

  #firstSlotOf(hash: number): number {
    return hash >>> (32 - this.#placeBits);
  }

  #hintByteOf(hash: number): number {
    return (hash >>> 3) & (this.#hints.length - 1);
  }

  #slotAfter(slot: number): number {
    return (slot + 1) & (this.#slots.length - 1);
  }

  #placeIn(slot: number): number {
    return ((this.#slots[slot] ?? empty) & (this.#slots.length - 1)) - placeOffset;
  }
}

function hintOf(hash: number): number {
  return 1 << (hash & 7);
}
