import { Buffer } from 'node:buffer';
import { randomFillSync } from 'node:crypto';
import { keyIdSize } from '../domain/chat-key.ts';

/** A slot is empty, or was emptied, or says where its id stands, plus two, below some bits of the id's hash. */
const empty = 0;
const emptied = 1;
const placeOffset = 2;

/**
 * Numbers of keys by their ids, for a fixed range of numbers: a hash table in two arrays, half of it empty. A Map takes
 * strings, and with them five times the memory.
 */
export class IdTable {
  readonly #first: number;
  readonly #ids: Buffer;
  readonly #slots: Uint32Array;
  /** How many bits of a slot say where its id stands; as many of a hash say which slot is asked first. */
  readonly #placeBits: number;

  /** For the numbers from `first` on; `capacity`, a power of two, is how many there are. */
  constructor(first: number, capacity: number) {
    this.#first = first;
    this.#ids = Buffer.alloc(capacity * keyIdSize);
    this.#slots = new Uint32Array(capacity * 2);
    this.#placeBits = Math.log2(this.#slots.length);
  }

  /** `hash` is `hashOf(id)`. */
  get(id: Buffer, hash: number): number | undefined {
    const slot = this.#slotOf(id, hash);
    return slot === undefined ? undefined : this.#first + this.#placeIn(slot);
  }

  /** Adds an id that is not there, for a number that has none. */
  add(id: Buffer, hash: number, number: number): void {
    const place = number - this.#first;
    const start = place * keyIdSize;
    if (start < 0 || start >= this.#ids.length)
      throw new RangeError(`${number} is not among the numbers of this table`);
    for (let index = 0; index < keyIdSize; index += 1) this.#ids[start + index] = id[index] ?? 0;
    let slot = this.#firstSlotOf(hash);
    while ((this.#slots[slot] ?? empty) > emptied) slot = this.#slotAfter(slot);
    this.#slots[slot] = (hash << this.#placeBits) | (place + placeOffset);
  }

  delete(id: Buffer, hash: number): void {
    const slot = this.#slotOf(id, hash);
    if (slot !== undefined) this.#slots[slot] = emptied;
  }

  #slotOf(id: Buffer, hash: number): number | undefined {
    let slot = this.#firstSlotOf(hash);
    for (let tried = 0; tried < this.#slots.length; tried += 1, slot = this.#slotAfter(slot)) {
      const content = this.#slots[slot] ?? empty;
      if (content === empty) return undefined;
      const fits = content !== emptied && (content ^ (hash << this.#placeBits)) >>> this.#placeBits === 0;
      if (fits && this.#holds(this.#placeIn(slot), id)) return slot;
    }
    return undefined;
  }

  #firstSlotOf(hash: number): number {
    return hash >>> (32 - this.#placeBits);
  }

  #slotAfter(slot: number): number {
    return (slot + 1) & (this.#slots.length - 1);
  }

  #placeIn(slot: number): number {
    return ((this.#slots[slot] ?? empty) & (this.#slots.length - 1)) - placeOffset;
  }

  #holds(place: number, id: Buffer): boolean {
    const start = place * keyIdSize;
    for (let index = 0; index < keyIdSize; index += 1) {
      if (this.#ids[start + index] !== id[index]) return false;
    }
    return true;
  }
}

const secrets = randomFillSync(new Uint32Array(keyIdSize / 2));

/**
 * Where an id falls in every table: 32 bits, of which the upper ones count. Clients choose ids; as a sum of 16-bit parts
 * times secrets (multilinear hashing) no two fall together more often than chance has it, whoever chose them.
 */
export function hashOf(id: Buffer): number {
  let hash = 0;
  for (let part = 0; part < keyIdSize / 2; part += 1) {
    const value = ((id[2 * part] ?? 0) << 8) | (id[2 * part + 1] ?? 0);
    hash = (hash + Math.imul(secrets[part] ?? 0, value)) | 0;
  }
  return hash >>> 0;
}
