import { Buffer } from 'node:buffer';
import { createCipheriv, createDecipheriv } from 'node:crypto';
import type { RandomSource } from '../domain/random.ts';

/** AES-256-GCM under a key of the node's own: nonce, ciphertext, tag. The context must be the same to open. */
const nonceSize = 12;
const tagSize = 16;

export const sealingKeySize = 32;

export function seal(key: Buffer, context: string, clear: Buffer, random: RandomSource): Buffer {
  const nonce = random.bytes(nonceSize);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(Buffer.from(context));
  return Buffer.concat([nonce, cipher.update(clear), cipher.final(), cipher.getAuthTag()]);
}

/** Throws where the key, the context or a bit of `sealed` is not what it was. */
export function unseal(key: Buffer, context: string, sealed: Buffer): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, nonceSize));
  decipher.setAAD(Buffer.from(context));
  decipher.setAuthTag(sealed.subarray(sealed.length - tagSize));
  return Buffer.concat([decipher.update(sealed.subarray(nonceSize, sealed.length - tagSize)), decipher.final()]);
}
