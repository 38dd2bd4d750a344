import { Buffer } from 'node:buffer';
import { copyBytes } from './copy.ts';
import type { Field, FieldAccess } from './field.ts';
import type { Slice } from './slice.ts';

/**
 * Binary layouts as data: one ordered list of fields gives size, decoder, encoder and TypeScript type.
 * Integers are big-endian. This folder is the only one that knows numeric byte offsets.
 */

type FieldMap = Readonly<Record<string, Field<unknown>>>;

export type ValueOf<F extends FieldMap> = {
  [K in keyof F as F[K] extends Field<undefined> ? never : K]: F[K] extends Field<infer T> ? T : never;
};

export interface Struct<F extends FieldMap> {
  readonly size: number;
  /** Direct access to single fields of a structure that starts at `base`, for hot paths and lists of records. */
  readonly at: { readonly [K in keyof ValueOf<F>]: FieldAccess<ValueOf<F>[K]> };
  /** Demands exactly `size` bytes and copies them, so that the value never aliases a socket buffer. */
  decode(bytes: Buffer): ValueOf<F>;
  /** The same out of a larger buffer, from `base` on. */
  read(bytes: Buffer, base: number): ValueOf<F>;
  encode(value: ValueOf<F>): Buffer;
  /** Writes the structure into a larger buffer, from `base` on. */
  write(bytes: Buffer, base: number, value: ValueOf<F>): void;
}

export function struct<const F extends FieldMap>(fields: F): Struct<F> {
  const at: Record<string, FieldAccess<unknown>> = {};
  let size = 0;
  for (const [name, field] of Object.entries(fields)) {
    at[name] = field.at(size);
    size += field.size;
  }
  const accesses = Object.entries(at);
  const told = accesses.filter(([name]) => fields[name]?.isReserved !== true);

  function decode(bytes: Buffer): ValueOf<F> {
    if (bytes.length !== size) throw new RangeError(`expected ${size} bytes, got ${bytes.length}`);
    return read(bytes, 0);
  }

  function read(bytes: Buffer, base: number): ValueOf<F> {
    const value: Record<string, unknown> = {};
    for (const [name, access] of told) value[name] = access.get(bytes, base);
    return value as ValueOf<F>;
  }

  function write(bytes: Buffer, base: number, value: ValueOf<F>): void {
    for (const [name, access] of accesses) access.set(bytes, base, (value as Record<string, unknown>)[name]);
  }

  function encode(value: ValueOf<F>): Buffer {
    // Out of the pool of small buffers, which takes a fraction of the time of a buffer of its own.
    const bytes = Buffer.allocUnsafe(size);
    write(bytes, 0, value);
    return bytes;
  }

  return { size, at: at as Struct<F>['at'], decode, read, encode, write };
}

/** A fixed run of bytes. Reading copies; writing demands the exact size. */
export function bytes(size: number): Field<Buffer> {
  return {
    size,
    at: (offset) => ({
      get: (buffer, base) => {
        const start = base + offset;
        if (start + size > buffer.length) throw new RangeError(`expected ${size} bytes, got ${buffer.length - start}`);
        const value = Buffer.allocUnsafe(size);
        copyBytes(buffer, start, value, 0, size);
        return value;
      },
      set: (buffer, base, value) => {
        if (value.length !== size) throw new RangeError(`expected ${size} bytes, got ${value.length}`);
        if (base + offset + size > buffer.length) throw new RangeError(`no room for ${size} bytes`);
        copyBytes(value, 0, buffer, base + offset, size);
      },
    }),
  };
}

/** A fixed run of bytes that reading leaves where they are; writing demands the exact size. */
export function slice(size: number): Field<Slice> {
  return {
    size,
    at: (offset) => ({
      get: (buffer, base) => {
        const start = base + offset;
        if (start + size > buffer.length) throw new RangeError(`expected ${size} bytes, got ${buffer.length - start}`);
        return { buffer, start, size };
      },
      set: (buffer, base, value) => {
        if (value.size !== size) throw new RangeError(`expected ${size} bytes, got ${value.size}`);
        if (base + offset + size > buffer.length) throw new RangeError(`no room for ${size} bytes`);
        copyBytes(value.buffer, value.start, buffer, base + offset, size);
      },
    }),
  };
}

/** A structure within a structure. */
export function nested<F extends FieldMap>(layout: Struct<F>): Field<ValueOf<F>> {
  return {
    size: layout.size,
    at: (offset) => ({
      get: (buffer, base) => layout.read(buffer, base + offset),
      set: (buffer, base, value) => layout.write(buffer, base + offset, value),
    }),
  };
}

/** Bytes that carry nothing for us: absent from the value, zero when written. */
export function reserved(size: number): Field<undefined> {
  return {
    size,
    isReserved: true,
    at: (offset) => ({
      get: () => undefined,
      set: (buffer, base) => {
        for (let index = 0; index < size; index += 1) buffer[base + offset + index] = 0;
      },
    }),
  };
}
