import { i8, u32 } from '../bytes/numbers.ts';
import { struct } from '../bytes/struct.ts';

/** A coin of the network: its denomination (10^denomination) and its serial number. */
export interface Coin {
  readonly denomination: number;
  readonly serialNumber: number;
}

export const denominationMin = -8;
export const denominationMax = 6;
export const recordsPerPage = 1_024;
export const pagesPerDenomination = 1_000;
export const serialNumberLimit = recordsPerPage * pagesPerDenomination;

/** RAIDA servers of the network; an encryption coin holds one key for each. */
export const raidaCount = 25;

/** Size in bytes of an authentication number, the secret that holder and server share. */
export const authenticationNumberSize = 16;

/** How a coin is named in a payload: signed denomination, then serial number. */
export const coinLayout = struct({ denomination: i8, serialNumber: u32 });

/** Whether this network knows such a coin at all. A serial number beyond the limit never aliases a lower one (Q19). */
export function isValidCoin(coin: Coin): boolean {
  return isValidDenomination(coin.denomination) && coin.serialNumber >= 0 && coin.serialNumber < serialNumberLimit;
}

export function isValidDenomination(denomination: number): boolean {
  return denomination >= denominationMin && denomination <= denominationMax;
}

export function allDenominations(): number[] {
  return Array.from({ length: denominationMax - denominationMin + 1 }, (_, index) => denominationMin + index);
}

export function sameCoin(one: Coin, other: Coin): boolean {
  return one.denomination === other.denomination && one.serialNumber === other.serialNumber;
}

/** Unique number of a valid coin over all denominations, below 15,360,000. */
export function coinPlace({ denomination, serialNumber }: Coin): number {
  return (denomination - denominationMin) * serialNumberLimit + serialNumber;
}

/** `1:300`, the way a coin is written on the command line, in settings and in logs. */
export function coinName(coin: Coin): string {
  return `${coin.denomination}:${coin.serialNumber}`;
}

/** Reads `denomination:serialNumber`; undefined unless it names a valid coin. */
export function parseCoinName(text: string): Coin | undefined {
  const match = /^(-?\d{1,2}):(\d{1,10})$/.exec(text);
  if (match === null) return undefined;
  const coin = { denomination: Number(match[1]), serialNumber: Number(match[2]) };
  return isValidCoin(coin) ? coin : undefined;
}
