import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import SqliteDatabase from 'better-sqlite3';
import { sqliteVersion } from '../src/storage/database.ts';
import { median } from './statistics.ts';

/** What the results were measured on. */
export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGib: number;
  readonly kernel: string;
  readonly node: string;
  readonly sqlite: string;
  /** Milliseconds for 4 KiB written and synced, in the middle of many. */
  readonly syncMs: number;
}

export function describeMachine(directory: string): Machine {
  const database = new SqliteDatabase(':memory:');
  const sqlite = sqliteVersion(database);
  database.close();
  return {
    processor: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGib: Math.round(totalmem() / 2 ** 30),
    kernel: `${type()} ${release()}`,
    node: process.version,
    sqlite,
    syncMs: measureSync(join(directory, 'sync')),
  };
}

function measureSync(file: string): number {
  const handle = openSync(file, 'w');
  const block = Buffer.alloc(4_096);
  const durations = Array.from({ length: 101 }, (_, index) => {
    const began = performance.now();
    writeSync(handle, block, 0, block.length, index * block.length);
    fdatasyncSync(handle);
    return performance.now() - began;
  });
  closeSync(handle);
  rmSync(file);
  return median(durations);
}
