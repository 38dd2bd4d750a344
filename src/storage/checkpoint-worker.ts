import { parentPort, workerData } from 'node:worker_threads';
import { openDatabase } from './database.ts';

/**
 * The thread that moves what the WAL holds into the database file, with its syncs, so that the thread that answers never
 * waits for them. Passive: it waits for nobody and nobody waits for it.
 */
export interface CheckpointTask {
  readonly file: string;
  readonly intervalMs: number;
}

/** After each checkpoint that moved something: frames in the WAL, and how many of them are in the database. */
export type CheckpointMessage =
  | { readonly frames: number; readonly moved: number }
  | { readonly failure: { readonly code: string; readonly message: string } };

const { file, intervalMs } = workerData as CheckpointTask;
const database = openDatabase(file);
let movedBefore = 0;
const timer = setInterval(moveFrames, intervalMs);
parentPort?.once('message', () => {
  clearInterval(timer);
  database.close();
});

function moveFrames(): void {
  try {
    const [found] = database.pragma('wal_checkpoint(PASSIVE)') as { log: number; checkpointed: number }[];
    const { log: frames = 0, checkpointed: moved = 0 } = found ?? {};
    if (moved !== movedBefore) parentPort?.postMessage({ frames, moved } satisfies CheckpointMessage);
    movedBefore = moved;
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    parentPort?.postMessage({ failure: { code, message } } satisfies CheckpointMessage);
  }
}
