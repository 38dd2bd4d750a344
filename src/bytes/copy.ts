import type { Buffer } from 'node:buffer';

const shortRunSize = 64;

/** Copies `size` bytes. For runs as short as those of a header, a loop takes less time than the library's copy. */
export function copyBytes(from: Buffer, fromStart: number, to: Buffer, toStart: number, size: number): void {
  if (size > shortRunSize) from.copy(to, toStart, fromStart, fromStart + size);
  else for (let index = 0; index < size; index += 1) to[toStart + index] = from[fromStart + index] ?? 0;
}
