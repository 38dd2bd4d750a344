import { statSync } from 'node:fs';
import { join } from 'node:path';
import { databaseFileName } from '../../src/storage/data-directory.ts';
import { openDatabaseReadOnly } from '../../src/storage/database.ts';
import { indexedThrough } from '../../src/storage/event-index.ts';
import { followedThrough } from '../../src/storage/index-follower.ts';
import { keysIndexedThroughName } from '../../src/storage/key-index.ts';
import { type Bench, baseKeys } from '../bench.ts';
import { NodeContender } from '../contenders.ts';
import type { Finding } from '../findings.ts';
import { MeasuredNode } from '../measured-node.ts';

const name = 'disk: post key, type 0, pipelined, 64 connections';
const roundSeconds = 1;
const pollMs = 50;

/** What a posted key takes on disk: its row, its event, and all indexes. */
export async function measureDisk(bench: Bench): Promise<Finding[]> {
  if (!bench.wants(name)) return [];
  const directory = bench.copyBase();
  const file = join(directory, databaseFileName);
  const before = statSync(file).size;
  const node = await MeasuredNode.start(directory);
  const wireCase = { command: 'post key', type: 0, mode: 'pipelined', connections: 64 } as const;
  await new NodeContender(bench, node, wireCase, baseKeys).round(roundSeconds);
  node.resume();
  while (!isIndexed(file)) await new Promise((resolve) => setTimeout(resolve, pollMs));
  await node.stop();
  const value = (statSync(file).size - before) / node.posted;
  bench.progress(`${name}: ${Math.round(value)} bytes for each key`);
  return [{ name, measure: 'of the database file for each key', value, unit: 'bytes' }];
}

function isIndexed(file: string): boolean {
  const database = openDatabaseReadOnly(file);
  try {
    const { event, key } = database
      .prepare<[], { event: number; key: number }>(
        'SELECT (SELECT max(sequence) FROM events) AS event, (SELECT max(number) FROM chat_keys) AS key',
      )
      .get() ?? { event: 0, key: 0 };
    return indexedThrough(database) === event && followedThrough(database, keysIndexedThroughName) === key;
  } finally {
    database.close();
  }
}
