import type { Buffer } from 'node:buffer';

/** Some bytes of a buffer. A view of them, which is a buffer itself, takes four times as long to make. */
export interface Slice {
  readonly buffer: Buffer;
  readonly start: number;
  /** In bytes. */
  readonly size: number;
}

/** All of a buffer. */
export function sliceOf(buffer: Buffer): Slice {
  return { buffer, start: 0, size: buffer.length };
}

/** The first `size` bytes of a slice that has as many. */
export function startOf({ buffer, start }: Slice, size: number): Slice {
  return { buffer, start, size };
}

/** The bytes themselves, which share their memory with the buffer. */
export function viewOf({ buffer, start, size }: Slice): Buffer {
  return start === 0 && size === buffer.length ? buffer : buffer.subarray(start, start + size);
}
