import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Coin, coinName, isValidCoin } from '../domain/coin.ts';
import { EncryptionCoin, encryptionCoinFileNames } from '../domain/encryption-coin.ts';

/** How long an answer is believed, good or bad, before the file is looked at again. */
const goodForMs = 10_000;
const badForMs = 2_000;
const rememberedMax = 1_024;

interface Remembered {
  readonly found: EncryptionCoin | string;
  readonly at: number;
}

/**
 * The node's own encryption coins: files in coins/. Missing and bad ones are remembered for a short while, so that a
 * flood of requests for them does not open files.
 */
export class EncryptionCoins {
  readonly #directory: string;
  readonly #coinId: number;
  readonly #remembered = new Map<string, Remembered>();

  constructor(directory: string, coinId: number) {
    this.#directory = directory;
    this.#coinId = coinId;
  }

  /** The coin, or why it cannot be loaded. `now` in milliseconds since 1970. */
  load(coin: Coin, now: number): EncryptionCoin | string {
    if (!isValidCoin(coin)) return 'names no valid coin';
    const name = coinName(coin);
    const remembered = this.#remembered.get(name);
    if (remembered !== undefined && isFresh(remembered, now)) return remembered.found;
    const found = this.#read(coin);
    this.#remembered.delete(name);
    if (this.#remembered.size >= rememberedMax) this.#forgetOldest();
    this.#remembered.set(name, { found, at: now });
    return found;
  }

  #read(coin: Coin): EncryptionCoin | string {
    for (const fileName of encryptionCoinFileNames(coin)) {
      try {
        return EncryptionCoin.parse(readFileSync(join(this.#directory, fileName)), this.#coinId);
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code;
        if (code !== 'ENOENT') return `cannot be read (${code ?? 'unknown error'})`;
      }
    }
    return 'is missing';
  }

  #forgetOldest(): void {
    const [oldest] = this.#remembered.keys();
    if (oldest !== undefined) this.#remembered.delete(oldest);
  }
}

function isFresh({ found, at }: Remembered, now: number): boolean {
  const age = now - at;
  return age >= 0 && age < (typeof found === 'string' ? badForMs : goodForMs);
}
