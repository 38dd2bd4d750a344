import type { Buffer } from 'node:buffer';
import { randomFillSync } from 'node:crypto';

const keySizeMax = 64;
const secrets = randomFillSync(new Uint32Array(keySizeMax / 2));

/**
 * Where a key of up to 64 bytes falls in a table: 32 bits, of which the upper ones count. Clients choose keys; as a sum of
 * 16-bit parts times secrets (multilinear hashing) no two of one size fall together more often than chance has it, whoever
 * chose them.
 */
export function hashOf(key: Buffer): number {
  const { length } = key;
  if (length > keySizeMax) throw new RangeError(`keys of up to ${keySizeMax} bytes, not ${length}`);
  let hash = 0;
  for (let index = 0; index < length; index += 2) {
    const value = ((key[index] ?? 0) << 8) | (index + 1 < length ? (key[index + 1] ?? 0) : 0);
    hash = (hash + Math.imul(secrets[index >>> 1] ?? 0, value)) | 0;
  }
  return hash >>> 0;
}
