import { crc32 } from 'node:zlib';
import { crc32OfFew } from '../bytes/crc32.ts';
import { u32 } from '../bytes/numbers.ts';
import type { Slice } from '../bytes/slice.ts';
import { bytes, struct } from '../bytes/struct.ts';

/** Opens every type 0 and 1 body: 12 random bytes and their CRC-32, by which a wrong key is noticed. */
const challengeLayout = struct({ random: bytes(12), crc: u32 });

export const challengeSize = challengeLayout.size;
export const challengeRandomSize = challengeSize - 4;

/** Whether the first 16 bytes carry a sound CRC. */
export function isSoundChallenge({ buffer, start }: Slice): boolean {
  return challengeLayout.at.crc.get(buffer, start) === crc32OfFew(buffer, start, start + challengeRandomSize);
}

export function makeChallenge(random: Buffer): Buffer {
  return challengeLayout.encode({ random, crc: crc32(random) });
}
