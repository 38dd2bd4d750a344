import { closeSync, fsyncSync, openSync } from 'node:fs';

/** Makes names in a directory last: a rename is on disk only when its directory is. */
export function syncDirectory(directory: string): void {
  const descriptor = openSync(directory, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
