import type { Buffer } from 'node:buffer';
import { randomFillSync } from 'node:crypto';

const keySizeMax = 64;
const secrets = randomFillSync(new Uint32Array(keySizeMax / 2));

/**
 * Where a key of up to 64 bytes, here a part of a buffer, falls in a table: 32 bits, of which the upper ones count. Clients choose keys; as a sum of
 * 16-bit parts times secrets (multilinear hashing) no two of one size fall together more often than chance has it, whoever
 * chose them.
 */
export function hashOf(key: Buffer, start = 0, end = key.length): number {
  if (end - start > keySizeMax) throw new RangeError(`keys of up to ${keySizeMax} bytes, not ${end - start}`);
  let hash = 0;
  for (let index = start, part = 0; index < end; index += 2, part += 1) {
    const value = ((key[index] ?? 0) << 8) | (index + 1 < end ? (key[index + 1] ?? 0) : 0);
    hash = (hash + Math.imul(secrets[part] ?? 0, value)) | 0;
  }
  return hash >>> 0;
}
