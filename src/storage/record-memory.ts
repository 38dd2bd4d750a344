import { Buffer } from 'node:buffer';
import { copyBytes } from '../bytes/copy.ts';
import { authenticationNumberSize, type Coin, coinPlace, recordsPerPage } from '../domain/coin.ts';
import type { CoinRecord, PageAddress } from '../domain/coin-page.ts';
import { mfsFree } from '../domain/mfs.ts';

/** As many as 32 pages have. */
const slotCount = 32_768;
const nothing = 0;

/**
 * Records of coins in memory: reading one out of its page costs more than its AES. A coin has one slot, by its place, so the
 * slots of a page are neighbours; it shares that with the coins that stand a multiple of 32 pages away, and the one that was
 * held last is there. 21 bytes for each, in arrays.
 */
export class RecordMemory {
  /** Of which coin a slot holds the record: its place, plus one. */
  readonly #holders = new Uint32Array(slotCount);
  readonly #authenticationNumbers = Buffer.alloc(slotCount * authenticationNumberSize);
  readonly #mfs = new Uint8Array(slotCount);
  /** As long as it stays the same, so does all that is held. */
  changes = 0;

  get(coin: Coin): CoinRecord | undefined {
    const slot = this.#slotOf(coin);
    if (slot === undefined) return undefined;
    const authenticationNumber = Buffer.allocUnsafe(authenticationNumberSize);
    const start = slot * authenticationNumberSize;
    copyBytes(this.#authenticationNumbers, start, authenticationNumber, 0, authenticationNumberSize);
    return { authenticationNumber, mfs: this.#mfs[slot] ?? mfsFree };
  }

  /** Whether the record of a coin is held, and says that it is in circulation with this authentication number. */
  isInUseWith(coin: Coin, authenticationNumber: Buffer): boolean {
    const slot = this.#slotOf(coin);
    if (slot === undefined || this.#mfs[slot] === mfsFree) return false;
    const start = slot * authenticationNumberSize;
    for (let index = 0; index < authenticationNumberSize; index += 1) {
      if (this.#authenticationNumbers[start + index] !== authenticationNumber[index]) return false;
    }
    return true;
  }

  hold(coin: Coin, { authenticationNumber, mfs }: CoinRecord): void {
    const place = coinPlace(coin);
    const slot = place % slotCount;
    this.changes += 1;
    this.#holders[slot] = place + 1;
    this.#authenticationNumbers.set(authenticationNumber, slot * authenticationNumberSize);
    this.#mfs[slot] = mfs;
  }

  /** Whatever stands in the slots of a page. */
  forgetPage({ denomination, pageNumber }: PageAddress): void {
    const first = coinPlace({ denomination, serialNumber: pageNumber * recordsPerPage }) % slotCount;
    this.changes += 1;
    this.#holders.fill(nothing, first, first + recordsPerPage);
  }

  forgetAll(): void {
    this.changes += 1;
    this.#holders.fill(nothing);
  }

  #slotOf(coin: Coin): number | undefined {
    const place = coinPlace(coin);
    const slot = place % slotCount;
    return this.#holders[slot] === place + 1 ? slot : undefined;
  }
}
