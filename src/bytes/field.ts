import type { Buffer } from 'node:buffer';

/** One field bound to its place: reads and writes relative to the start of the structure. */
export interface FieldAccess<T> {
  get(buffer: Buffer, base: number): T;
  set(buffer: Buffer, base: number, value: T): void;
}

/** A field of a binary layout, wherever it will stand. */
export interface Field<T> {
  readonly size: number;
  /** Absent from the value. */
  readonly isReserved?: true;
  at(offset: number): FieldAccess<T>;
}
