import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What may happen to the files of a node that is away. */
export type Random = (limit: number) => number;

function changeFile(file: string, change: (bytes: Buffer) => void): void {
  const bytes = readFileSync(file);
  change(bytes);
  writeFileSync(file, bytes);
}

const flip = (bytes: Buffer, place: number, random: Random) => {
  bytes[place] = (bytes[place] ?? 0) ^ (1 << random(8));
};

export type Damage = (directory: string, random: Random) => void;

export const walDamages: Record<string, Damage> = {
  truncated: (directory, random) => {
    const file = join(directory, 'node.db-wal');
    truncateSync(file, random(readFileSync(file).length));
  },
  flipped: (directory, random) =>
    changeFile(join(directory, 'node.db-wal'), (bytes) => flip(bytes, random(bytes.length), random)),
  removed: (directory) => rmSync(join(directory, 'node.db-wal')),
};

export const shmDamages: Record<string, Damage> = {
  'filled with garbage': (directory, random) =>
    changeFile(join(directory, 'node.db-shm'), (bytes) => {
      for (let place = 0; place < bytes.length; place += 1) bytes[place] = random(256);
    }),
  removed: (directory) => rmSync(join(directory, 'node.db-shm')),
};

const pageSize = 4_096;
export const pageDamages: Record<string, Damage> = {
  'with one bit flipped': (directory, random) =>
    changeFile(join(directory, 'node.db'), (bytes) => flip(bytes, random(bytes.length), random)),
  'with a page of garbage': (directory, random) =>
    changeFile(join(directory, 'node.db'), (bytes) => {
      const start = random(bytes.length / pageSize) * pageSize;
      for (let place = start; place < start + pageSize; place += 1) bytes[place] = random(256);
    }),
  'with a page of zeros': (directory, random) =>
    changeFile(join(directory, 'node.db'), (bytes) => {
      const start = random(bytes.length / pageSize) * pageSize;
      bytes.fill(0, start, start + pageSize);
    }),
};

export const cutInHalf: Damage = (directory) => {
  const file = join(directory, 'node.db-wal');
  truncateSync(file, readFileSync(file).length >> 1);
};
