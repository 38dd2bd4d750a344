import { Buffer } from 'node:buffer';
import { u8 } from '../bytes/numbers.ts';
import { type Slice, sliceOf, startOf } from '../bytes/slice.ts';
import { bytes, nested, struct } from '../bytes/struct.ts';
import { type Coin, coinLayout, sameCoin } from '../domain/coin.ts';
import { halfSize } from '../domain/coin-page.ts';
import { applyAesCtr } from './cipher.ts';
import { EncryptionType } from './encryption-type.ts';

/**
 * A ticket: half of an authentication number, sealed by a helper for the server that lost it, which alone can open it.
 * The clear text names the coin that it restores (Q21) and ends in a mark by which a wrong key is noticed.
 */
const ticketLayout = struct({ part: bytes(halfSize), coin: nested(coinLayout), random: bytes(2), mark: u8 });

export const ticketSize = ticketLayout.size;
export const ticketRandomSize = 2;

const ticketMark = 0xff;
const ticketNonceSize = 8;

/** The nonce of a ticket, of which bytes 0-7 count: the header's; type 0 requests are answered under zeros. */
export function ticketNonce(encryptionType: number, nonce: Slice): Slice {
  return encryptionType === EncryptionType.none ? zeroNonce : nonce;
}

const zeroNonce = sliceOf(Buffer.alloc(ticketNonceSize));

export function sealTicket(key: Buffer, nonce: Slice, coin: Coin, part: Buffer, random: Buffer): Buffer {
  const clear = ticketLayout.encode({ part, coin, random, mark: ticketMark });
  return applyAesCtr(key, startOf(nonce, ticketNonceSize), clear);
}

/**
 * Opens a ticket for `coin` and returns its half of the authentication number; undefined where it does not open.
 * The request's nonce is tried first, then zeros, which deployed servers use for type 0 (Q3).
 */
export function openTicket(key: Buffer, nonce: Slice, ticket: Buffer, coin: Coin): Buffer | undefined {
  return openUnder(key, nonce, ticket, coin) ?? openUnder(key, zeroNonce, ticket, coin);
}

function openUnder(key: Buffer, nonce: Slice, ticket: Buffer, coin: Coin): Buffer | undefined {
  const clear = ticketLayout.decode(applyAesCtr(key, startOf(nonce, ticketNonceSize), ticket));
  const opened = clear.mark === ticketMark && sameCoin(clear.coin, coin);
  return opened ? clear.part : undefined;
}
