import { Buffer } from 'node:buffer';
import { keyIdSize } from '../domain/chat-key.ts';
import { PlaceTable } from './place-table.ts';

/** Numbers of keys by their ids, for a fixed range of numbers. */
export class IdTable extends PlaceTable {
  readonly #first: number;
  readonly #ids: Buffer;

  /** For the numbers from `first` on; `capacity`, a power of two, is how many there are. */
  constructor(first: number, capacity: number) {
    super(capacity);
    this.#first = first;
    this.#ids = Buffer.alloc(capacity * keyIdSize);
  }

  /** `hash` is `hashOf(id)`. */
  get(id: Buffer, hash: number): number | undefined {
    const place = this.placeOf(id, hash);
    return place === undefined ? undefined : this.#first + place;
  }

  /** Adds an id that is not there, for a number that has none. */
  add(id: Buffer, hash: number, number: number): void {
    const place = number - this.#first;
    const start = place * keyIdSize;
    if (start < 0 || start >= this.#ids.length)
      throw new RangeError(`${number} is not among the numbers of this table`);
    for (let index = 0; index < keyIdSize; index += 1) this.#ids[start + index] = id[index] ?? 0;
    this.occupy(place, hash);
  }

  protected override holds(place: number, id: Buffer): boolean {
    const start = place * keyIdSize;
    for (let index = 0; index < keyIdSize; index += 1) {
      if (this.#ids[start + index] !== id[index]) return false;
    }
    return true;
  }
}
