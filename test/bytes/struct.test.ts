import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hexByte, parseHex } from '../../src/bytes/hex.ts';
import { i8, u8, u16, u24, u32 } from '../../src/bytes/numbers.ts';
import { sliceOf, startOf, viewOf } from '../../src/bytes/slice.ts';
import { bytes, nested, reserved, slice, struct } from '../../src/bytes/struct.ts';

/** Layouts as data: decode and encode undo each other, sizes are exact, nothing aliases, numbers are big-endian. */
const layout = struct({ a: u8, b: i8, gap: reserved(3), c: u16, d: u24, e: u32, f: bytes(5) });

const value = fc.record({
  a: fc.nat(0xff),
  b: fc.integer({ min: -128, max: 127 }),
  c: fc.nat(0xffff),
  d: fc.nat(0xff_ffff),
  e: fc.nat(0xffff_ffff),
  f: fc.uint8Array({ minLength: 5, maxLength: 5 }).map((each) => Buffer.from(each)),
});

describe('struct', () => {
  it('decodes what it has encoded', () => {
    fc.assert(
      fc.property(value, (each) => {
        expect(layout.decode(layout.encode(each))).toEqual(each);
      }),
    );
  });

  it('encodes what it has decoded, reserved bytes as zeros', () => {
    const any = fc.uint8Array({ minLength: 19, maxLength: 19 });
    fc.assert(
      fc.property(any, (each) => {
        const wanted = Buffer.from(each).fill(0, 2, 5);
        expect(layout.encode(layout.decode(Buffer.from(each)))).toEqual(wanted);
      }),
    );
  });

  it('is big-endian, field after field', () => {
    const encoded = layout.encode({ a: 1, b: -2, c: 0x0304, d: 0x050607, e: 0x08090a0b, f: Buffer.from('hello') });
    expect(encoded.toString('hex')).toBe(`01fe0000000304${'050607'}${'08090a0b'}${'68656c6c6f'}`);
    expect(layout.size).toBe(19);
  });

  it('demands the exact size', () => {
    for (const size of [0, 18, 20]) expect(() => layout.decode(Buffer.alloc(size))).toThrow(RangeError);
    expect(() => layout.encode({ ...layout.decode(Buffer.alloc(19)), f: Buffer.alloc(4) })).toThrow(RangeError);
    expect(() => layout.encode({ ...layout.decode(Buffer.alloc(19)), a: 256 })).toThrow(RangeError);
  });

  it('copies: a value does not change with the bytes that it came from', () => {
    const source = Buffer.alloc(19, 7);
    const decoded = layout.decode(source);
    source.fill(0);
    expect(decoded.f).toEqual(Buffer.alloc(5, 7));
  });

  it('holds structures', () => {
    const pair = struct({ start: u8, inner: nested(layout), end: u8 });
    fc.assert(
      fc.property(value, (inner) => {
        const whole = { start: 1, inner, end: 2 };
        const encoded = pair.encode(whole);
        expect(encoded.subarray(1, 1 + layout.size)).toEqual(layout.encode(inner));
        expect(pair.decode(encoded)).toEqual(whole);
      }),
    );
  });

  it('reads out of a longer buffer, and not beyond its end', () => {
    const encoded = layout.encode({ a: 1, b: -2, c: 3, d: 4, e: 5, f: Buffer.from('hello') });
    expect(layout.read(Buffer.concat([Buffer.alloc(7), encoded]), 7)).toEqual(layout.decode(encoded));
    for (const base of [-1, 1]) expect(() => layout.read(encoded, base)).toThrow(RangeError);
  });

  it('refuses numbers that do not fit', () => {
    for (const [field, min, max] of [
      [u8, 0, 0xff],
      [i8, -128, 127],
      [u16, 0, 0xffff],
      [u24, 0, 0xff_ffff],
      [u32, 0, 0xffff_ffff],
    ] as const) {
      const access = field.at(0);
      const buffer = Buffer.alloc(field.size);
      for (const fits of [min, max]) {
        access.set(buffer, 0, fits);
        expect(access.get(buffer, 0)).toBe(fits);
      }
      for (const wrong of [min - 1, max + 1, Number.NaN])
        expect(() => access.set(buffer, 0, wrong)).toThrow(RangeError);
      for (const outside of [-1, 1]) {
        expect(() => access.get(buffer, outside)).toThrow(RangeError);
        expect(() => access.set(buffer, outside, min)).toThrow(RangeError);
      }
      expect(access.get(buffer, 0)).toBe(max);
    }
  });

  it('leaves a slice where it is, and writes one of its own size only', () => {
    const access = slice(3).at(1);
    const buffer = Buffer.from('01234567');
    const read = access.get(buffer, 2);
    expect(read).toEqual({ buffer, start: 3, size: 3 });
    expect(read.buffer).toBe(buffer);
    expect([viewOf(read), viewOf(startOf(read, 2))].map(String)).toEqual(['345', '34']);
    expect(viewOf(sliceOf(buffer))).toBe(buffer);
    expect(() => access.get(buffer, 5)).toThrow(RangeError);
    const other = Buffer.alloc(8, '.');
    access.set(other, 4, read);
    expect(other.toString()).toBe('.....345');
    expect(() => access.set(other, 5, read)).toThrow(RangeError);
    expect(() => access.set(other, 0, startOf(read, 2))).toThrow(RangeError);
  });

  it('reads and writes single fields in the middle of a longer buffer', () => {
    const list = Buffer.alloc(60);
    layout.at.c.set(list, 19, 0xabcd);
    layout.at.f.set(list, 38, Buffer.from('again'));
    expect(list.readUInt16BE(19 + 5)).toBe(0xabcd);
    expect(layout.at.f.get(list, 38).toString()).toBe('again');
  });
});

describe('hexadecimal', () => {
  it('refuses what Buffer.from would cut off', () => {
    for (const text of ['0', '0g', '00 ', '0x00', 'é0', '000']) expect(() => parseHex(text), text).toThrow(TypeError);
    expect(() => parseHex('0011', 3)).toThrow('expected 6 hexadecimal digits, got 4');
    expect(parseHex('00fFAa')).toEqual(Buffer.from([0, 255, 170]));
  });

  it('writes negative numbers as their two’s complement', () => {
    expect([-8, -3, 0, 6, 255].map(hexByte)).toEqual(['f8', 'fd', '00', '06', 'ff']);
  });
});
