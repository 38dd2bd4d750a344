import type { Buffer } from 'node:buffer';

/** In two lots, of which the older is forgotten when the newer is full. */
const lotSize = 2_048;

/** Keys by the coins that they belong to: at least the latest 2,048 that were asked for, and less than twice as many. */
export class RecentKeys {
  #newer = new Map<number, Buffer>();
  #older = new Map<number, Buffer>();

  /** `place` is the coin's `coinPlace`. */
  get(place: number): Buffer | undefined {
    const known = this.#newer.get(place);
    if (known !== undefined) return known;
    const older = this.#older.get(place);
    if (older !== undefined) this.set(place, older);
    return older;
  }

  set(place: number, key: Buffer): void {
    this.#newer.set(place, key);
    if (this.#newer.size < lotSize) return;
    this.#older = this.#newer;
    this.#newer = new Map();
  }
}
