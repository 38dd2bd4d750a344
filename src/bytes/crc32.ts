import { crc32 } from 'node:zlib';

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0xedb8_8320 : crc >>> 1;
  return crc;
});

/**
 * CRC-32 of a few bytes, one by one, `before` that of what comes before them: for twelve, a view for the library and its call
 * take five times as long.
 */
export function crc32OfFew(bytes: Buffer, start: number, end: number, before = 0): number {
  let crc = ~before;
  for (let index = start; index < end; index += 1) {
    crc = (table[(crc ^ (bytes[index] ?? 0)) & 0xff] ?? 0) ^ (crc >>> 8);
  }
  return ~crc >>> 0;
}

/** The same of what two runs of bytes make by XOR. */
export function crc32OfXor(one: Buffer, oneStart: number, other: Buffer, otherStart: number, size: number): number {
  let crc = ~0;
  for (let index = 0; index < size; index += 1) {
    const byte = (one[oneStart + index] ?? 0) ^ (other[otherStart + index] ?? 0);
    crc = (table[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8);
  }
  return ~crc >>> 0;
}

const asciiMax = 0x7f;

/** The same of a short text in UTF-8. */
export function crc32OfText(text: string, before = 0): number {
  let crc = ~before;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code > asciiMax) return crc32(text, before);
    crc = (table[(crc ^ code) & 0xff] ?? 0) ^ (crc >>> 8);
  }
  return ~crc >>> 0;
}
