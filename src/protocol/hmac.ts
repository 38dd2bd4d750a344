import { Buffer } from 'node:buffer';
import { createHmac, hash, timingSafeEqual } from 'node:crypto';
import { copyBytes, copyCharacters } from '../bytes/copy.ts';

export const hmacSize = 32;

const hashBlockSize = 64;
/** Of longer texts the library's own HMAC is quicker. */
export const shortTextSizeMax = 256;

/**
 * The texts of the two hashes of an HMAC: a block that its key makes, then its text or the first hash. Texts that follow each
 * other mostly have the same key: its blocks stay.
 */
const innerText = Buffer.alloc(hashBlockSize + shortTextSizeMax);
/** Its beginnings, by the size of the text that they end with. */
const innerTexts: (Buffer | undefined)[] = Array.from({ length: shortTextSizeMax + 1 });
const outerText = Buffer.alloc(hashBlockSize + hmacSize);
let latestKey: Buffer | undefined;

function begin(key: Buffer): void {
  if (key === latestKey) return;
  if (key.length > hashBlockSize) throw new RangeError(`keys of up to ${hashBlockSize} bytes, not ${key.length}`);
  for (let index = 0; index < hashBlockSize; index += 1) {
    const byte = index < key.length ? (key[index] ?? 0) : 0;
    innerText[index] = byte ^ 0x36;
    outerText[index] = byte ^ 0x5c;
  }
  latestKey = key;
}

/** HMAC-SHA256 (RFC 2104) with a key of up to 64 bytes. */
export function hmacSha256(key: Buffer, text: Buffer): Buffer {
  return Buffer.from(hmacOf(key, text, 0, text.length), 'latin1');
}

/** Writes the HMAC of `size` bytes behind them; there has to be room for it. */
export function appendHmac(key: Buffer, bytes: Buffer, start: number, size: number): void {
  copyCharacters(hmacOf(key, bytes, start, size), bytes, start + size, hmacSize);
}

/** Whether the HMAC of `size` bytes from `start` on follows them; its duration does not tell where it differs. */
export function isFollowedByHmac(key: Buffer, source: Buffer, start: number, size: number): boolean {
  const end = start + size;
  if (size === 0) return isFollowedBy(hmacOfNothing(key), source, end);
  const hmac = hmacOf(key, source, start, size);
  if (source.length < end + hmacSize) return false;
  let difference = 0;
  for (let index = 0; index < hmacSize; index += 1) {
    difference |= hmac.charCodeAt(index) ^ (source[end + index] ?? 0);
  }
  return difference === 0;
}

/** Whether a known HMAC follows what ends at `end`, in the same way. */
export function isFollowedBy(hmac: Buffer, source: Buffer, end: number): boolean {
  if (source.length < end + hmacSize) return false;
  let difference = 0;
  for (let index = 0; index < hmacSize; index += 1) difference |= (hmac[index] ?? 0) ^ (source[end + index] ?? 0);
  return difference === 0;
}

/**
 * The HMAC of `size` bytes from `start` on, a character for each byte. For short texts it is made of the library's one-shot
 * hash, which takes a third of the time of its HMAC object, and hands over characters sooner than a buffer.
 */
function hmacOf(key: Buffer, source: Buffer, start: number, size: number): string {
  if (size > shortTextSizeMax) {
    return createHmac('sha256', key)
      .update(source.subarray(start, start + size))
      .digest('binary');
  }
  begin(key);
  // What follows the text may come along: the text under the hash ends before it.
  if (start === 0 && source.length <= shortTextSizeMax) innerText.set(source, hashBlockSize);
  else copyBytes(source, start, innerText, hashBlockSize, size);
  const inner = innerTexts[size] ?? innerText.subarray(0, hashBlockSize + size);
  innerTexts[size] = inner;
  copyCharacters(hash('sha256', inner, 'binary'), outerText, hashBlockSize, hmacSize);
  return hash('sha256', outerText, 'binary');
}

/** Those of nothing go with their keys, as bytes, which are compared sooner than characters. */
const hmacsOfNothing = new WeakMap<Buffer, Buffer>();
let latestOfNothing: { readonly key: Buffer; readonly hmac: Buffer } | undefined;

function makeHmacOfNothing(key: Buffer): Buffer {
  // In memory of its own: a small buffer out of the pool would keep all of that alive.
  const hmac = Buffer.alloc(hmacSize);
  appendHmac(key, hmac, 0, 0);
  hmacsOfNothing.set(key, hmac);
  return hmac;
}

/** All that an echo has. */
function hmacOfNothing(key: Buffer): Buffer {
  if (latestOfNothing?.key === key) return latestOfNothing.hmac;
  const hmac = hmacsOfNothing.get(key) ?? makeHmacOfNothing(key);
  latestOfNothing = { key, hmac };
  return hmac;
}

/** Compares two secrets of any size without telling by its duration where they differ. */
export function equalSecrets(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}

/** Keys made from one authentication number, which go with it; the latest is mostly asked for again. */
const hashedKeys = new WeakMap<Buffer, Buffer>();
let latestHashed: { readonly secret: Buffer; readonly key: Buffer } | undefined;

/** The 32-byte key of types 4 and 5: SHA-256 over the authentication numbers of one or two coins. */
export function hashedKey(first: Buffer, second?: Buffer): Buffer {
  if (second !== undefined) return hash('sha256', Buffer.concat([first, second]), 'buffer');
  if (latestHashed?.secret === first) return latestHashed.key;
  const key = hashedKeys.get(first) ?? hash('sha256', first, 'buffer');
  hashedKeys.set(first, key);
  latestHashed = { secret: first, key };
  return key;
}
