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
  /** Absent from the value. */
  readonly isReserved?: true;
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
    const value: Record<string, unknown> = {};
    for (const [name, access] of told) value[name] = access.get(bytes, 0);
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

  return { size, at: at as Struct<F>['at'], decode, encode, write };
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

const shortRunSize = 64;

/** For runs as short as those of a header, a loop takes less time than the library's copy. */
function copyBytes(from: Buffer, fromStart: number, to: Buffer, toStart: number, size: number): void {
  if (size > shortRunSize) from.copy(to, toStart, fromStart, fromStart + size);
  else for (let index = 0; index < size; index += 1) to[toStart + index] = from[fromStart + index] ?? 0;
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
