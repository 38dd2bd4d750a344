import type { Buffer } from 'node:buffer';

/** Somebody else who computes HMACs, while whoever needs them does other things. */
export interface HmacsAhead {
  /** HMACs of so many texts at most are needed; false where none may be asked for. Those of before are of no use any more. */
  begin(texts: number): boolean;
  /**
   * Asks for the HMAC of `size` bytes from `start` on, under a key of 32 bytes. Returns what `take` knows it by; undefined
   * where whoever needs it had better compute it.
   */
  ask(key: Buffer, source: Buffer, start: number, size: number): number | undefined;
  /**
   * The HMAC that was asked for; undefined where it is not there, and not needed any more. To be taken in the order of asking, mostly.
   * Its memory is used again after `begin`.
   */
  take(place: number | undefined): Buffer | undefined;
}

/** Nobody: all HMACs are computed where they are needed. */
export const noHmacsAhead: HmacsAhead = {
  begin: () => false,
  ask: () => undefined,
  take: () => undefined,
};
