import { crc32 } from 'node:zlib';
import { crc32OfFew, crc32OfXor } from '../bytes/crc32.ts';
import { u32 } from '../bytes/numbers.ts';
import type { Slice } from '../bytes/slice.ts';
import { bytes, struct } from '../bytes/struct.ts';
import { counterBlockSize, type Keystream } from './cipher.ts';

/** Opens every type 0 and 1 body: 12 random bytes and their CRC-32, by which a wrong key is noticed. */
const challengeLayout = struct({ random: bytes(12), crc: u32 });

export const challengeSize = challengeLayout.size;
export const challengeRandomSize = challengeSize - 4;

/** Whether the first 16 bytes carry a sound CRC. */
export function isSoundChallenge({ buffer, start }: Slice): boolean {
  return challengeLayout.at.crc.get(buffer, start) === crc32OfFew(buffer, start, start + challengeRandomSize);
}

/** The same of a challenge that is still sealed, by this keystream. */
export function isSoundSealedChallenge({ buffer, start }: Slice, { blocks, first }: Keystream): boolean {
  const keystreamStart = first * counterBlockSize;
  const { crc } = challengeLayout.at;
  const sent = crc.get(buffer, start) ^ crc.get(blocks.bytes, keystreamStart);
  return sent >>> 0 === crc32OfXor(buffer, start, blocks.bytes, keystreamStart, challengeRandomSize);
}

export function makeChallenge(random: Buffer): Buffer {
  return challengeLayout.encode({ random, crc: crc32(random) });
}
