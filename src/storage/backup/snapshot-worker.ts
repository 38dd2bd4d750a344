import { constants, setPriority } from 'node:os';
import { performance } from 'node:perf_hooks';
import { parentPort, workerData } from 'node:worker_threads';
import SqliteDatabase from 'better-sqlite3';
import { openDatabaseReadOnly } from '../database.ts';
import { appliedMigrations } from '../schema-version.ts';
import { readIdentity } from '../settings.ts';
import { type Verification, verifyDatabase } from '../verify.ts';
import type { Manifest } from './container.ts';
import { copyDatabase } from './copy-database.ts';
import { WalActivity } from './wal-activity.ts';

/**
 * The parts of a backup that block, each in a thread of its own: a consistent copy of a database that no node serves, making
 * a copy stand alone, and the proofs that it is sound.
 */
export type SnapshotTask =
  | { readonly kind: 'copy'; readonly source: string; readonly target: string }
  | { readonly kind: 'detach' | ProofKind; readonly source: string };

/** What the thread says: how far it is, and in the end its result. */
export type SnapshotMessage =
  | { readonly done: number; readonly total: number }
  | { readonly result: SnapshotFacts | SnapshotProof | null };

/** Proofs are independent of each other, so that each core has one. */
export type ProofKind = 'structure' | 'pages' | 'keys' | 'events';

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
void perform(task).then((result) => parentPort?.postMessage({ result } satisfies SnapshotMessage));

async function perform(task: SnapshotTask): Promise<SnapshotFacts | SnapshotProof | null> {
  if (task.kind === 'copy') return copy(task.source, task.target);
  return task.kind === 'detach' ? detach(task.source) : prove(task.source, task.kind);
}

async function copy(source: string, target: string): Promise<null> {
  const database = openDatabaseReadOnly(source);
  const activity = new WalActivity(source, Date.now);
  try {
    database.exec('BEGIN');
    database.prepare('SELECT count(*) FROM sqlite_schema').get();
    await copyDatabase(database, {
      target,
      monotonicMs: () => performance.now(),
      isBusy: () => activity.isBusy(),
      progress: (done, total) => parentPort?.postMessage({ done, total } satisfies SnapshotMessage),
    });
  } finally {
    database.close();
  }
  return null;
}

/** A copy says of itself that it has a WAL, as its source has; a file that travels alone must not. */
function detach(file: string): SnapshotFacts {
  const database = new SqliteDatabase(file);
  try {
    database.pragma('journal_mode = DELETE');
    const identity = readIdentity(database) ?? { raidaId: -1, coinId: -1 };
    return { ...identity, schemaVersion: appliedMigrations(database) };
  } finally {
    database.close();
  }
}

function prove(source: string, kind: ProofKind): SnapshotProof {
  const database = openDatabaseReadOnly(source);
  try {
    const parts = {
      structure: kind === 'structure' ? 'quick' : 'none',
      pages: kind === 'pages',
      keys: kind === 'keys',
      events: kind === 'events',
      index: false,
    } as const;
    const { head, ...result }: Verification = verifyDatabase(database, parts, () => undefined);
    return { ...result, head: { ...head, hash: head.hash.toString('hex') } };
  } finally {
    database.close();
  }
}
