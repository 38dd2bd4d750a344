import { Buffer } from 'node:buffer';
import { type Cipher, createCipheriv, createHmac, hash, timingSafeEqual } from 'node:crypto';

/** Size in bytes of an AES block, and so of a counter block. */
export const counterBlockSize = 16;
export const hmacSize = 32;

/** Longer texts are quicker by the library's own counter mode and HMAC. */
export const shortTextSizeMax = 256;

const hashBlockSize = 64;

/**
 * Ciphers of the keys in use, which go with their keys: setting one up takes three times as long as a short text. A key is
 * never changed in place.
 */
const blockCiphers = new WeakMap<Buffer, Cipher>();

function blockCipherOf(key: Buffer): Cipher {
  const known = blockCiphers.get(key);
  if (known !== undefined) return known;
  const cipher = createCipheriv(key.length === 16 ? 'aes-128-ecb' : 'aes-256-ecb', key, null).setAutoPadding(false);
  blockCiphers.set(key, cipher);
  return cipher;
}

/** So many counter blocks are enciphered by one call at most. */
export const counterBlocksMax = 512;
const counterBlocks = Buffer.alloc(counterBlocksMax * counterBlockSize);
/** Its first blocks, by their number. */
const firstBlocks: (Buffer | undefined)[] = Array.from({ length: counterBlocksMax + 1 });

/** The keystreams of texts whose counter blocks were written before, the first `count` of them. */
export function encipherCounterBlocks(key: Buffer, count: number): Buffer {
  const blocks = firstBlocks[count] ?? counterBlocks.subarray(0, count * counterBlockSize);
  firstBlocks[count] = blocks;
  return blockCipherOf(key).update(blocks);
}

/**
 * Writes the counter blocks of a text, from block number `first` on, for `encipherCounterBlocks`: one is the first 16 bytes
 * of the nonce, with zeros behind a shorter one; each other is the one before it, incremented as one big-endian number.
 */
export function writeCounterBlocks(first: number, nonce: Buffer, count: number): void {
  const target = counterBlocks;
  const start = first * counterBlockSize;
  const given = Math.min(nonce.length, counterBlockSize);
  for (let index = 0; index < counterBlockSize; index += 1) {
    target[start + index] = index < given ? (nonce[index] ?? 0) : 0;
  }
  const end = start + count * counterBlockSize;
  for (let block = start + counterBlockSize; block < end; block += counterBlockSize) {
    let carry = 1;
    for (let index = block + counterBlockSize - 1; index >= block; index -= 1) {
      const sum = (target[index - counterBlockSize] ?? 0) + carry;
      target[index] = sum;
      carry = sum >> 8;
    }
  }
}

/** How many blocks counter mode takes for a text of `size` bytes. */
export function counterBlockCount(size: number): number {
  return Math.ceil(size / counterBlockSize);
}

/**
 * AES in counter mode; enciphers and deciphers alike. The counter block starts as `writeCounterBlocks` says. The key's size,
 * 16 or 32 bytes, picks AES-128 or AES-256.
 */
export function applyAesCtr(key: Buffer, nonce: Buffer, text: Buffer): Buffer {
  if (text.length > shortTextSizeMax) {
    writeCounterBlocks(0, nonce, 1);
    const counterBlock = Buffer.from(counterBlocks.subarray(0, counterBlockSize));
    return createCipheriv(key.length === 16 ? 'aes-128-ctr' : 'aes-256-ctr', key, counterBlock).update(text);
  }
  if (text.length === 0) return text;
  const count = counterBlockCount(text.length);
  writeCounterBlocks(0, nonce, count);
  return xor(text, encipherCounterBlocks(key, count));
}

/**
 * The texts of the two hashes of an HMAC: a block that its key makes, then its text or the first hash. Texts that follow each
 * other mostly have the same key: its blocks stay, and the HMAC of nothing, which is all that an echo has.
 */
const innerText = Buffer.alloc(hashBlockSize + shortTextSizeMax);
/** Its beginnings, by the size of the text that they end with. */
const innerTexts: (Buffer | undefined)[] = Array.from({ length: shortTextSizeMax + 1 });
const outerText = Buffer.alloc(hashBlockSize + hmacSize);
let latestKey: Buffer | undefined;
let ofNothing: string | undefined;

function begin(key: Buffer): void {
  if (key === latestKey) return;
  if (key.length > hashBlockSize) throw new RangeError(`keys of up to ${hashBlockSize} bytes, not ${key.length}`);
  for (let index = 0; index < hashBlockSize; index += 1) {
    const byte = index < key.length ? (key[index] ?? 0) : 0;
    innerText[index] = byte ^ 0x36;
    outerText[index] = byte ^ 0x5c;
  }
  latestKey = key;
  ofNothing = undefined;
}

/** HMAC-SHA256 (RFC 2104) with a key of up to 64 bytes. */
export function hmacSha256(key: Buffer, text: Buffer): Buffer {
  return Buffer.from(hmacOf(key, text, 0, text.length), 'latin1');
}

/** Writes the HMAC of `size` bytes behind them; there has to be room for it. */
export function appendHmac(key: Buffer, bytes: Buffer, start: number, size: number): void {
  bytes.write(hmacOf(key, bytes, start, size), start + size, 'latin1');
}

/** Whether the HMAC of the first `size` bytes follows them; its duration does not tell where it differs. */
export function isFollowedByHmac(key: Buffer, source: Buffer, size: number): boolean {
  const hmac = hmacOf(key, source, 0, size);
  if (source.length < size + hmacSize) return false;
  let difference = 0;
  for (let index = 0; index < hmacSize; index += 1) {
    difference |= hmac.charCodeAt(index) ^ (source[size + index] ?? 0);
  }
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
  if (size === 0 && ofNothing !== undefined) return ofNothing;
  for (let index = 0; index < size; index += 1) innerText[hashBlockSize + index] = source[start + index] ?? 0;
  const inner = innerTexts[size] ?? innerText.subarray(0, hashBlockSize + size);
  innerTexts[size] = inner;
  outerText.write(hash('sha256', inner, 'binary'), hashBlockSize, 'latin1');
  const hmac = hash('sha256', outerText, 'binary');
  if (size === 0) ofNothing = hmac;
  return hmac;
}

/** Compares two secrets of any size without telling by its duration where they differ. */
export function equalSecrets(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}

/** Keys made from one authentication number, which go with it. */
const hashedKeys = new WeakMap<Buffer, Buffer>();

/** The 32-byte key of types 4 and 5: SHA-256 over the authentication numbers of one or two coins. */
export function hashedKey(first: Buffer, second?: Buffer): Buffer {
  if (second !== undefined) return hash('sha256', Buffer.concat([first, second]), 'buffer');
  const known = hashedKeys.get(first);
  if (known !== undefined) return known;
  const key = hash('sha256', first, 'buffer');
  hashedKeys.set(first, key);
  return key;
}

/** XOR of the first `size` bytes of both; either may be longer. */
export function xor(one: Buffer, other: Buffer, size = one.length): Buffer {
  const result = Buffer.allocUnsafe(size);
  xorInto(result, 0, one, other, 0, size);
  return result;
}

/** The same, written to `start` in `target`; of `other` the bytes from `otherStart` on. */
export function xorInto(
  target: Buffer,
  start: number,
  one: Buffer,
  other: Buffer,
  otherStart: number,
  size: number,
): void {
  for (let index = 0; index < size; index += 1) {
    target[start + index] = (one[index] ?? 0) ^ (other[otherStart + index] ?? 0);
  }
}
