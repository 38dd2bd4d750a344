import type { Buffer } from 'node:buffer';

const shortRunSize = 64;

/**
 * Copies `size` bytes. What is copied whole needs no view of a part, which is what takes the library's copy its time: for
 * runs as short as those of a header, a loop takes less.
 */
export function copyBytes(from: Buffer, fromStart: number, to: Buffer, toStart: number, size: number): void {
  if (fromStart === 0 && size === from.length) to.set(from, toStart);
  else if (size > shortRunSize) from.copy(to, toStart, fromStart, fromStart + size);
  else for (let index = 0; index < size; index += 1) to[toStart + index] = from[fromStart + index] ?? 0;
}

/** Writes the first `size` characters of a text, a byte for each. For so few as a hash has, the library's way takes twice as long. */
export function copyCharacters(from: string, to: Buffer, toStart: number, size: number): void {
  for (let index = 0; index < size; index += 1) to[toStart + index] = from.charCodeAt(index);
}
