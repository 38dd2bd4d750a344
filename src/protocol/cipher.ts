import { Buffer } from 'node:buffer';
import { type Cipher, createCipheriv, createHmac, hash, timingSafeEqual } from 'node:crypto';

/** Size in bytes of an AES block, and so of a counter block. */
const counterBlockSize = 16;
export const hmacSize = 32;

/** Longer texts are quicker by the library's own counter mode. */
export const shortTextSizeMax = 256;

/**
 * Ciphers of the keys in use, which go with their keys: setting one up takes three times as long as a short text. A key is
 * never changed in place.
 */
const blockCiphers = new WeakMap<Buffer, Cipher>();

/**
 * AES in counter mode; enciphers and deciphers alike. The counter block, incremented as one big-endian number, starts as the
 * first 16 bytes of the nonce, with zeros behind a shorter one. The key's size, 16 or 32 bytes, picks AES-128 or AES-256.
 */
export function applyAesCtr(key: Buffer, nonce: Buffer, text: Buffer): Buffer {
  if (text.length > shortTextSizeMax) {
    const name = key.length === 16 ? 'aes-128-ctr' : 'aes-256-ctr';
    return createCipheriv(name, key, Buffer.from(counterBlocks(nonce, 1))).update(text);
  }
  if (text.length === 0) return text;
  const result = keystreamOf(key, nonce, text.length);
  for (let index = 0; index < text.length; index += 1) result[index] = (result[index] ?? 0) ^ (text[index] ?? 0);
  return text.length === result.length ? result : result.subarray(0, text.length);
}

/** What counter mode combines texts of `size` bytes, at most 256, with, by XOR; in whole blocks. */
export function keystreamOf(key: Buffer, nonce: Buffer, size: number): Buffer {
  return blockCipherOf(key).update(counterBlocks(nonce, Math.ceil(size / counterBlockSize)));
}

/** Enciphers blocks one by one, which over counter blocks is the keystream of counter mode. */
function blockCipherOf(key: Buffer): Cipher {
  const known = blockCiphers.get(key);
  if (known !== undefined) return known;
  const cipher = createCipheriv(key.length === 16 ? 'aes-128-ecb' : 'aes-256-ecb', key, null).setAutoPadding(false);
  blockCiphers.set(key, cipher);
  return cipher;
}

/** Where counter blocks are put together, by their number: every one is read before the next is made. */
const counterTexts = Array.from({ length: 1 + shortTextSizeMax / counterBlockSize }, (_, count) =>
  Buffer.alloc(count * counterBlockSize),
);

function counterBlocks(nonce: Buffer, count: number): Buffer {
  const blocks = counterTexts[count];
  if (blocks === undefined) throw new RangeError(`at most ${counterTexts.length - 1} counter blocks, not ${count}`);
  const given = Math.min(nonce.length, counterBlockSize);
  for (let index = 0; index < counterBlockSize; index += 1) blocks[index] = index < given ? (nonce[index] ?? 0) : 0;
  for (let start = counterBlockSize; start < blocks.length; start += counterBlockSize) {
    let carry = 1;
    for (let index = start + counterBlockSize - 1; index >= start; index -= 1) {
      const sum = (blocks[index - counterBlockSize] ?? 0) + carry;
      blocks[index] = sum;
      carry = sum >> 8;
    }
  }
  return blocks;
}

const hashBlockSize = 64;
/** What the two hashes of an HMAC are made of: a block that its key makes, then its text or the first hash. */
const innerText = Buffer.alloc(hashBlockSize + shortTextSizeMax);
const outerText = Buffer.alloc(hashBlockSize + hmacSize);

/**
 * HMAC-SHA256 (RFC 2104) with a key of up to 64 bytes. For short texts it is made of the library's one-shot hash, which takes
 * a third of the time of its HMAC object.
 */
export function hmacSha256(key: Buffer, text: Buffer): Buffer {
  if (text.length > shortTextSizeMax) return createHmac('sha256', key).update(text).digest();
  if (key.length > hashBlockSize) throw new RangeError(`keys of up to ${hashBlockSize} bytes, not ${key.length}`);
  for (let index = 0; index < hashBlockSize; index += 1) {
    const byte = index < key.length ? (key[index] ?? 0) : 0;
    innerText[index] = byte ^ 0x36;
    outerText[index] = byte ^ 0x5c;
  }
  for (let index = 0; index < text.length; index += 1) innerText[hashBlockSize + index] = text[index] ?? 0;
  const innerDigest = hash('sha256', innerText.subarray(0, hashBlockSize + text.length), 'binary');
  outerText.write(innerDigest, hashBlockSize, 'latin1');
  return Buffer.from(hash('sha256', outerText, 'binary'), 'latin1');
}

/** Compares two secrets of any size without telling by its duration where they differ. */
export function equalSecrets(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}

/** Keys made from one authentication number, which go with it. */
const hashedKeys = new WeakMap<Buffer, Buffer>();

/** The 32-byte key of types 4 and 5: SHA-256 over the authentication numbers of one or two coins. */
export function hashedKey(authenticationNumbers: readonly Buffer[]): Buffer {
  const [first, ...others] = authenticationNumbers;
  if (first === undefined || others.length > 0) return hash('sha256', Buffer.concat(authenticationNumbers), 'buffer');
  const known = hashedKeys.get(first);
  if (known !== undefined) return known;
  const key = hash('sha256', first, 'buffer');
  hashedKeys.set(first, key);
  return key;
}

/** XOR of the first `size` bytes of both; either may be longer. */
export function xor(one: Buffer, other: Buffer, size = one.length): Buffer {
  const result = Buffer.allocUnsafe(size);
  for (let index = 0; index < size; index += 1) result[index] = (one[index] ?? 0) ^ (other[index] ?? 0);
  return result;
}
