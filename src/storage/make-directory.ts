import { mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/**
 * Makes a directory and what is missing above it, for its owner alone. Node's own recursive mkdir never returns where the
 * kernel says of an existing parent that it does not exist, as it does below /proc.
 */
export function makeDirectory(path: string): void {
  const missing: string[] = [];
  let place = resolve(path);
  while (statSync(place, { throwIfNoEntry: false }) === undefined) {
    missing.unshift(place);
    place = dirname(place);
  }
  for (const each of missing) mkdirSync(each, { mode: 0o700 });
}
