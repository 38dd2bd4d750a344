import { createCipheriv, createHash, createHmac, timingSafeEqual } from 'node:crypto';

/** Size in bytes of an AES block, and so of a counter block. */
export const counterBlockSize = 16;
export const hmacSize = 32;

/**
 * AES in counter mode with a 16-byte counter block incremented as one big-endian number; enciphers and deciphers alike.
 * The key's size, 16 or 32 bytes, picks AES-128 or AES-256.
 */
export function applyAesCtr(key: Buffer, counterBlock: Buffer, text: Buffer): Buffer {
  return createCipheriv(key.length === 16 ? 'aes-128-ctr' : 'aes-256-ctr', key, counterBlock).update(text);
}

/** The counter block that starts with up to 16 bytes of a nonce; the rest is zero. */
export function counterBlockOf(nonce: Buffer, size: number): Buffer {
  const block = Buffer.alloc(counterBlockSize);
  nonce.copy(block, 0, 0, size);
  return block;
}

export function hmacSha256(key: Buffer, text: Buffer): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

/** Compares two secrets of any size without telling by its duration where they differ. */
export function equalSecrets(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}

/** The 32-byte key of types 4 and 5: SHA-256 over the authentication numbers of one or two coins. */
export function hashedKey(authenticationNumbers: readonly Buffer[]): Buffer {
  const hash = createHash('sha256');
  for (const authenticationNumber of authenticationNumbers) hash.update(authenticationNumber);
  return hash.digest();
}

export function xor(one: Buffer, other: Buffer): Buffer {
  const result = Buffer.from(one);
  for (let index = 0; index < result.length; index += 1) result[index] = (result[index] ?? 0) ^ (other[index] ?? 0);
  return result;
}
