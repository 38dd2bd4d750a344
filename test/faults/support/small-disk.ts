import { execFileSync } from 'node:child_process';
import { closeSync, cpSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { makeNode, temporaryFolder } from '../../support/harness.ts';

/** Says why a proof was not made here; false where it can be. */
export function lacksRoot(what: string): boolean {
  if (process.getuid?.() === 0) return false;
  process.stdout.write(`NOT PROVED HERE: ${what} needs root, to mount a file system of its own\n`);
  return true;
}

/** A node in a file system of its own that holds `size` bytes. Needs root. */
export function nodeOnSmallDisk(size: number): { folder: string; directory: string } {
  const folder = temporaryFolder();
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder]);
  onTestFinished(() => {
    execFileSync('umount', ['--lazy', folder]);
  });
  const directory = join(folder, 'node');
  cpSync(makeNode(), directory, { recursive: true });
  return { folder, directory };
}

/** Fills a file system with so many bytes more, or to the last; returns what undoes that. */
export function fill(folder: string, bytes = Number.POSITIVE_INFINITY): () => void {
  const file = join(folder, 'filler');
  const descriptor = openSync(file, 'a');
  try {
    for (let chunk = 65_536, written = 0; chunk > 0 && written < bytes; ) {
      try {
        written += writeSync(descriptor, Buffer.alloc(chunk));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        chunk >>= 1;
      }
    }
  } finally {
    closeSync(descriptor);
  }
  return () => rmSync(file);
}
