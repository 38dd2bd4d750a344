import { constants, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { openDatabaseReadOnly } from '../database.ts';
import { appliedMigrations } from '../schema-version.ts';
import { readIdentity } from '../settings.ts';
import { type Verification, verifyDatabase } from '../verify.ts';
import type { Manifest } from './container.ts';
import { copyPaced } from './paced-copy.ts';

/**
 * The parts of a backup that block, each in a thread of its own: a consistent copy of a database, through a connection that
 * takes no lock a serving node would notice, and the proofs that the copy is sound.
 */
export type SnapshotTask =
  | { readonly kind: 'copy'; readonly source: string; readonly target: string }
  | { readonly kind: 'rows' | 'events'; readonly source: string };

/** What the thread says: how far it is, and in the end its result. */
export type SnapshotMessage =
  | { readonly done: number; readonly total: number }
  | { readonly result: SnapshotFacts | SnapshotProof };

/** What a copy holds: for the manifest. */
export type SnapshotFacts = Pick<Manifest, 'raidaId' | 'coinId' | 'schemaVersion'>;

export interface SnapshotProof {
  readonly faults: readonly string[];
  readonly pages: number;
  readonly keys: number;
  readonly events: number;
  readonly head: Manifest['head'];
}

/** Of this thread alone, on Linux: whoever answers requests goes first. */
setPriority(constants.priority.PRIORITY_LOW);

const task = workerData as SnapshotTask;
const result = task.kind === 'copy' ? await copy(task.source, task.target) : prove(task.source, task.kind);
parentPort?.postMessage({ result } satisfies SnapshotMessage);

async function copy(source: string, target: string): Promise<SnapshotFacts> {
  const database = openDatabaseReadOnly(source);
  try {
    await copyPaced(database, source, target, (done, total) => {
      parentPort?.postMessage({ done, total } satisfies SnapshotMessage);
    });
    const identity = readIdentity(database) ?? { raidaId: -1, coinId: -1 };
    return { ...identity, schemaVersion: appliedMigrations(database) };
  } finally {
    database.close();
  }
}

function prove(source: string, kind: 'rows' | 'events'): SnapshotProof {
  const database = openDatabaseReadOnly(source);
  try {
    const parts = { structure: 'quick', pages: kind === 'rows', events: kind === 'events', index: false } as const;
    const { head, ...result }: Verification = verifyDatabase(database, parts, () => undefined);
    return { ...result, head: { ...head, hash: head.hash.toString('hex') } };
  } finally {
    database.close();
  }
}
