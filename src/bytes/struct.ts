/**
 * Binary layouts as data: one ordered list of fields gives size, decoder, encoder and TypeScript type.
 * Integers are big-endian. This folder is the only one that knows numeric byte offsets.
 */

/** One field bound to its place: reads and writes relative to the start of the structure. */
export interface FieldAccess<T> {
  get(buffer: Buffer, base: number): T;
  set(buffer: Buffer, base: number, value: T): void;
}

export interface Field<T> {
  readonly size: number;
  at(offset: number): FieldAccess<T>;
}

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
  encode(value: ValueOf<F>): Buffer;
}

export function struct<const F extends FieldMap>(fields: F): Struct<F> {
  const at: Record<string, FieldAccess<unknown>> = {};
  let size = 0;
  for (const [name, field] of Object.entries(fields)) {
    at[name] = field.at(size);
    size += field.size;
  }
  const accesses = Object.entries(at).filter(([, access]) => access !== blank);

  function decode(bytes: Buffer): ValueOf<F> {
    if (bytes.length !== size) throw new RangeError(`expected ${size} bytes, got ${bytes.length}`);
    const value: Record<string, unknown> = {};
    for (const [name, access] of accesses) value[name] = access.get(bytes, 0);
    return value as ValueOf<F>;
  }

  function encode(value: ValueOf<F>): Buffer {
    const bytes = Buffer.alloc(size);
    for (const [name, access] of accesses) access.set(bytes, 0, (value as Record<string, unknown>)[name]);
    return bytes;
  }

  return { size, at: at as Struct<F>['at'], decode, encode };
}

export const u8: Field<number> = {
  size: 1,
  at: (offset) => ({
    get: (buffer, base) => buffer.readUInt8(base + offset),
    set: (buffer, base, value) => void buffer.writeUInt8(value, base + offset),
  }),
};

export const i8: Field<number> = {
  size: 1,
  at: (offset) => ({
    get: (buffer, base) => buffer.readInt8(base + offset),
    set: (buffer, base, value) => void buffer.writeInt8(value, base + offset),
  }),
};

export const u16: Field<number> = {
  size: 2,
  at: (offset) => ({
    get: (buffer, base) => buffer.readUInt16BE(base + offset),
    set: (buffer, base, value) => void buffer.writeUInt16BE(value, base + offset),
  }),
};

export const u24: Field<number> = {
  size: 3,
  at: (offset) => ({
    get: (buffer, base) => buffer.readUIntBE(base + offset, 3),
    set: (buffer, base, value) => void buffer.writeUIntBE(value, base + offset, 3),
  }),
};

export const u32: Field<number> = {
  size: 4,
  at: (offset) => ({
    get: (buffer, base) => buffer.readUInt32BE(base + offset),
    set: (buffer, base, value) => void buffer.writeUInt32BE(value, base + offset),
  }),
};

/** A fixed run of bytes. Reading copies; writing demands the exact size. */
export function bytes(size: number): Field<Buffer> {
  return {
    size,
    at: (offset) => ({
      get: (buffer, base) => Buffer.from(buffer.subarray(base + offset, base + offset + size)),
      set: (buffer, base, value) => {
        if (value.length !== size) throw new RangeError(`expected ${size} bytes, got ${value.length}`);
        buffer.set(value, base + offset);
      },
    }),
  };
}

const blank: FieldAccess<undefined> = { get: () => undefined, set: () => undefined };

/** Bytes that carry nothing for us: absent from the value, zero when written. */
export function reserved(size: number): Field<undefined> {
  return { size, at: () => blank };
}
