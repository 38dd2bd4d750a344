import { crc32 } from 'node:zlib';
import { bytes, struct, u32 } from '../bytes/struct.ts';

/** Opens every type 0 and 1 body: 12 random bytes and their CRC-32, by which a wrong key is noticed. */
const challengeLayout = struct({ random: bytes(12), crc: u32 });

export const challengeSize = challengeLayout.size;
export const challengeRandomSize = challengeSize - 4;

/** Whether the first 16 bytes carry a sound CRC. */
export function isSoundChallenge(body: Buffer): boolean {
  return challengeLayout.at.crc.get(body, 0) === crcOfRandom(body);
}

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0xedb8_8320 : crc >>> 1;
  return crc;
});

/** CRC-32 over the first 12 bytes, one by one: a view for the library, and its call, take five times as long. */
function crcOfRandom(body: Buffer): number {
  let crc = 0xffff_ffff;
  for (let index = 0; index < challengeRandomSize; index += 1) {
    crc = (crcTable[(crc ^ (body[index] ?? 0)) & 0xff] ?? 0) ^ (crc >>> 8);
  }
  return (crc ^ 0xffff_ffff) >>> 0;
}

export function makeChallenge(random: Buffer): Buffer {
  return challengeLayout.encode({ random, crc: crc32(random) });
}
