import type { Buffer } from 'node:buffer';
import type { Field } from './field.ts';

/**
 * Big-endian numbers, byte by byte: the library's methods, whose lookup the runtime does not optimise, take twice as long.
 * Each size has code of its own, because the runtime does not know a size that one function is told when it is made.
 */

export const u8: Field<number> = {
  size: 1,
  at: (offset) => ({
    get: (buffer, base) => {
      const value = buffer[base + offset];
      if (value === undefined) throw outside(buffer, base + offset, 1);
      return value;
    },
    set: (buffer, base, value) => {
      if (!(value >= 0 && value <= 0xff)) throw notBetween(0, 0xff, value);
      demandRoom(buffer, base + offset, 1);
      buffer[base + offset] = value;
    },
  }),
};

export const i8: Field<number> = {
  size: 1,
  at: (offset) => ({
    get: (buffer, base) => {
      const value = buffer[base + offset];
      if (value === undefined) throw outside(buffer, base + offset, 1);
      return (value << 24) >> 24;
    },
    set: (buffer, base, value) => {
      if (!(value >= -0x80 && value <= 0x7f)) throw notBetween(-0x80, 0x7f, value);
      demandRoom(buffer, base + offset, 1);
      buffer[base + offset] = value;
    },
  }),
};

export const u16: Field<number> = {
  size: 2,
  at: (offset) => ({
    get: (buffer, base) => {
      const start = base + offset;
      const high = buffer[start];
      const low = buffer[start + 1];
      if (high === undefined || low === undefined) throw outside(buffer, start, 2);
      return (high << 8) | low;
    },
    set: (buffer, base, value) => {
      if (!(value >= 0 && value <= 0xffff)) throw notBetween(0, 0xffff, value);
      const start = base + offset;
      demandRoom(buffer, start, 2);
      buffer[start] = value >>> 8;
      buffer[start + 1] = value;
    },
  }),
};

export const u24: Field<number> = {
  size: 3,
  at: (offset) => ({
    get: (buffer, base) => {
      const start = base + offset;
      const high = buffer[start];
      const middle = buffer[start + 1];
      const low = buffer[start + 2];
      if (high === undefined || middle === undefined || low === undefined) throw outside(buffer, start, 3);
      return (high << 16) | (middle << 8) | low;
    },
    set: (buffer, base, value) => {
      if (!(value >= 0 && value <= 0xff_ffff)) throw notBetween(0, 0xff_ffff, value);
      const start = base + offset;
      demandRoom(buffer, start, 3);
      buffer[start] = value >>> 16;
      buffer[start + 1] = value >>> 8;
      buffer[start + 2] = value;
    },
  }),
};

export const u32: Field<number> = {
  size: 4,
  at: (offset) => ({
    get: (buffer, base) => {
      const start = base + offset;
      const high = buffer[start];
      const upper = buffer[start + 1];
      const lower = buffer[start + 2];
      const low = buffer[start + 3];
      if (high === undefined || upper === undefined || lower === undefined || low === undefined)
        throw outside(buffer, start, 4);
      return ((high << 24) | (upper << 16) | (lower << 8) | low) >>> 0;
    },
    set: (buffer, base, value) => {
      if (!(value >= 0 && value <= 0xffff_ffff)) throw notBetween(0, 0xffff_ffff, value);
      const start = base + offset;
      demandRoom(buffer, start, 4);
      buffer[start] = value >>> 24;
      buffer[start + 1] = value >>> 16;
      buffer[start + 2] = value >>> 8;
      buffer[start + 3] = value;
    },
  }),
};

function demandRoom(buffer: Buffer, start: number, size: number): void {
  if (start < 0 || start + size > buffer.length) throw outside(buffer, start, size);
}

function outside(buffer: Buffer, start: number, size: number): RangeError {
  return new RangeError(`expected ${size} bytes at ${start} of ${buffer.length}`);
}

function notBetween(min: number, max: number, value: number): RangeError {
  return new RangeError(`expected ${min} to ${max}, got ${value}`);
}
