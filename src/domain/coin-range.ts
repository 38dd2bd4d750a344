import { type Coin, isValidCoin } from './coin.ts';

/** Serial numbers of one denomination, both ends included. */
export interface CoinRange {
  readonly denomination: number;
  readonly first: number;
  readonly last: number;
}

export function isInRange(range: CoinRange, coin: Coin): boolean {
  return (
    coin.denomination === range.denomination && coin.serialNumber >= range.first && coin.serialNumber <= range.last
  );
}

/** Reads `denomination:first-last`, such as `1:0-24999`; undefined unless both ends are valid coins in order. */
export function parseCoinRange(text: string): CoinRange | undefined {
  const match = /^(-?\d{1,2}):(\d{1,10})-(\d{1,10})$/.exec(text);
  if (match === null) return undefined;
  const range = { denomination: Number(match[1]), first: Number(match[2]), last: Number(match[3]) };
  const { denomination, first, last } = range;
  const valid = [first, last].every((serialNumber) => isValidCoin({ denomination, serialNumber }));
  return valid && first <= last ? range : undefined;
}
