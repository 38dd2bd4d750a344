import { existsSync, renameSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { databaseFileName } from '../data-directory.ts';

/** Where a restored node waits for the old one to be moved aside. */
export function readyFolder(directory: string): string {
  return `${resolve(directory)}.restored`;
}

/** Completes a restore that was cut off between its two renames: the new node is whole, only its name is missing. */
export function finishInterruptedRestore(directory: string): void {
  const ready = readyFolder(directory);
  if (!existsSync(directory) && existsSync(join(ready, databaseFileName))) renameSync(ready, directory);
}
