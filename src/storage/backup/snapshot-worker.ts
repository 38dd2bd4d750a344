import { parentPort, workerData } from 'node:worker_threads';
import { openDatabaseReadOnly } from '../database.ts';
import { schemaVersion } from '../migrate.ts';
import { readIdentity } from '../settings.ts';
import { verifyDatabase } from '../verify.ts';
import type { Manifest } from './container.ts';

/**
 * The part of a backup that blocks, in a thread of its own: a consistent copy of a database, then the proof that the copy
 * is sound. The copy is read through a connection that takes no lock a serving node would notice.
 */
export interface SnapshotTask {
  readonly source: string;
  readonly target: string;
}

export interface SnapshotResult {
  readonly faults: readonly string[];
  readonly raidaId: number;
  readonly coinId: number;
  readonly schemaVersion: number;
  readonly coinPages: number;
  readonly chatKeys: number;
  readonly events: number;
  readonly head: Manifest['head'];
}

const { source, target } = workerData as SnapshotTask;
copy();
parentPort?.postMessage(prove());

function copy(): void {
  const database = openDatabaseReadOnly(source);
  database.prepare('VACUUM INTO ?').run(target);
  database.close();
}

function prove(): SnapshotResult {
  const database = openDatabaseReadOnly(target);
  const result = verifyDatabase(database, { pages: true, events: true }, () => undefined);
  const identity = readIdentity(database) ?? { raidaId: -1, coinId: -1 };
  database.close();
  return {
    ...identity,
    faults: result.faults,
    schemaVersion: schemaVersion(),
    coinPages: result.pages,
    chatKeys: result.keys,
    events: result.events,
    head: { ...result.head, hash: result.head.hash.toString('hex') },
  };
}
