import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { temporaryFolder } from '../../support/harness.ts';

const copyAttempts = 100;

/**
 * A disk of its own in a file, with an ext4 on it. The file holds what that ext4 has handed to its disk, and nothing that
 * waits in its cache: a copy of the file is the disk after a power cut. Needs root.
 */
export class LoopDisk {
  readonly folder: string;
  readonly #image: string;

  /** Says why, and gives nothing, where such disks cannot be had. */
  static make(size: number): LoopDisk | undefined {
    const image = join(temporaryFolder(), 'disk');
    try {
      writeFileSync(image, '');
      truncateSync(image, size);
      execFileSync('mkfs.ext4', ['-q', image], { stdio: 'pipe' });
      return new LoopDisk(image);
    } catch (error) {
      process.stdout.write(`NOT PROVED HERE: no disk in a file: ${(error as Error).message.trim()}\n`);
      return undefined;
    }
  }

  private constructor(image: string) {
    this.#image = image;
    this.folder = mountAt(image);
    onTestFinished(() => unmount(this.folder));
  }

  /** Puts all that is in the folder on the disk. */
  settle(): void {
    execFileSync('sync', ['--file-system', this.folder]);
  }

  /**
   * Calls `look` with a folder where the disk is mounted as a power cut of this moment would leave it. Whoever writes has to
   * be stopped; what the kernel writes by itself while the copy is made is noticed, and the copy made again.
   */
  afterPowerCut<T>(look: (folder: string) => T): T {
    const copy = join(temporaryFolder(), 'copy');
    this.#copyTo(copy);
    const folder = mountAt(copy);
    try {
      return look(folder);
    } finally {
      unmount(folder);
      rmSync(copy);
    }
  }

  #copyTo(copy: string): void {
    for (let attempt = 0; attempt < copyAttempts; attempt += 1) {
      const before = this.#writes();
      execFileSync('cp', ['--sparse=always', this.#image, copy]);
      const after = this.#writes();
      if (before.inFlight + after.inFlight === 0 && after.count === before.count) return;
    }
    throw new Error('the disk is never at rest');
  }

  /** Writes that the disk has taken, and those that it is taking. */
  #writes(): { count: number; inFlight: number } {
    const mounted = readFileSync('/proc/mounts', 'utf8').split('\n');
    const device = mounted.map((line) => line.split(' ')).find(([, folder]) => folder === this.folder)?.[0] ?? '';
    const fields = readFileSync(`/sys/block/${basename(device)}/stat`, 'utf8')
      .trim()
      .split(/\s+/)
      .map(Number);
    return { count: fields[4] ?? Number.NaN, inFlight: fields[8] ?? Number.NaN };
  }
}

function mountAt(image: string): string {
  const folder = temporaryFolder();
  execFileSync('mount', ['-o', 'loop', image, folder], { stdio: 'pipe' });
  return folder;
}

function unmount(folder: string): void {
  execFileSync('umount', ['--lazy', folder]);
}
