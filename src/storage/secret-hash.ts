import type { Buffer } from 'node:buffer';
import { randomFillSync } from 'node:crypto';

const keySizeMax = 64;
const secrets = randomFillSync(new Uint32Array(keySizeMax / 2));
const otherSecrets = randomFillSync(new Uint32Array(keySizeMax / 2));
const [first = 0, otherFirst = 0] = randomFillSync(new Uint32Array(2));
const upperHalf = 0xffff_0000;
/** An odd number that spreads neighbours: the one by which MurmurHash3 multiplies at its end. */
const spread = 0x85eb_ca6b;

/**
 * Where a key falls in a table: 32 bits that all count. The key is the part of a buffer from `start` to `end`, up to 64 bytes.
 * Clients choose keys; as a secret and a sum of 16-bit parts times secrets (multilinear hashing) no two of one size fall
 * together more often than chance has it, whoever chose them. Of such a sum the upper half is as good as that: it takes two.
 * Keys that count up have sums that do; with some secrets very many of those fall together at once, though on average no more.
 * So each sum is exchanged for another, one for one: what holds for two keys stays, and no row of sums remains.
 */
export function hashOf(key: Buffer, start = 0, end = key.length): number {
  if (end - start > keySizeMax) throw new RangeError(`keys of up to ${keySizeMax} bytes, not ${end - start}`);
  let one = first;
  let other = otherFirst;
  for (let index = start, part = 0; index < end; index += 2, part += 1) {
    const value = ((key[index] ?? 0) << 8) | (index + 1 < end ? (key[index + 1] ?? 0) : 0);
    one = (one + Math.imul(secrets[part] ?? 0, value)) | 0;
    other = (other + Math.imul(otherSecrets[part] ?? 0, value)) | 0;
  }
  const sum = (one & upperHalf) | (other >>> 16);
  const spreadSum = Math.imul(sum ^ (sum >>> 16), spread);
  return (spreadSum ^ (spreadSum >>> 15)) >>> 0;
}
