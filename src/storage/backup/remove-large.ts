import { rename, rm, stat, truncate } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const bytesPerStep = 16_777_216;
const pauseMs = 20;

/** Ends the names of files that are not whole, so that what a killed process left is known as nobody's. */
export const partialSuffix = '.partial';

/**
 * Removes a large file a piece at a time, from its end. All at once, the file system gives hundreds of megabytes back in
 * one transaction of its journal, and every commit beside it waits for that (measured: 190 ms).
 */
export async function removeLarge(path: string): Promise<void> {
  const going = join(dirname(path), `.${basename(path)}${partialSuffix}`);
  await rename(path, going);
  for (let size = (await stat(going)).size - bytesPerStep; size > 0; size -= bytesPerStep) {
    await truncate(going, size);
    await pause(pauseMs);
  }
  await rm(going);
}
