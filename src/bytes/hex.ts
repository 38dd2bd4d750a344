import { Buffer } from 'node:buffer';

/** Strict lower- or upper-case hexadecimal. Buffer.from(text, 'hex') silently stops at the first bad digit; this refuses. */
export function parseHex(text: string, size?: number): Buffer {
  if (!/^(?:[0-9a-fA-F]{2})*$/.test(text)) throw new TypeError('not hexadecimal');
  const parsed = Buffer.from(text, 'hex');
  if (size !== undefined && parsed.length !== size) {
    throw new TypeError(`expected ${size * 2} hexadecimal digits, got ${text.length}`);
  }
  return parsed;
}

/** One byte as two lower-case digits; negative numbers as their two's complement (-3 is `fd`). */
export function hexByte(value: number): string {
  return (value & 0xff).toString(16).padStart(2, '0');
}
