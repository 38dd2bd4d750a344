import { closeSync, fdatasyncSync, openSync, statSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import SqliteDatabase, { type Database } from 'better-sqlite3';

/** Told how many of how many bytes are copied. */
export type CopyProgress = (done: number, total: number) => void;

const pagesPerStep = 128;
/** So much may be written and not yet synced: nobody's commit then waits long for this copy's data. */
const unsyncedMax = 4_194_304;
/** While the node writes, each step is followed by so many times its own duration of rest. */
const restFactor = 2;
const restMaxMs = 40;

/**
 * Copies a database that others write to, through SQLite's backup API, for a thread of its own. A read transaction that is
 * held throughout keeps the copy from starting over at every foreign write. While commits come in it goes in small steps with
 * rests between them; otherwise as fast as it can.
 */
export async function copyPaced(
  source: Database,
  sourceFile: string,
  target: string,
  progress: CopyProgress,
): Promise<void> {
  const activity = new WalActivity(`${sourceFile}-wal`);
  const pageSize = source.pragma('page_size', { simple: true }) as number;
  let syncer: GrowingFile | undefined;
  let stepBeganMs = performance.now();
  source.exec('BEGIN');
  try {
    source.prepare('SELECT count(*) FROM sqlite_schema').get();
    await source.backup(target, {
      progress: ({ totalPages, remainingPages }) => {
        syncer ??= new GrowingFile(target);
        const done = (totalPages - remainingPages) * pageSize;
        syncer.syncBehind(done);
        progress(done, totalPages * pageSize);
        if (activity.sinceLastLook()) rest(Math.min(restMaxMs, (performance.now() - stepBeganMs) * restFactor));
        stepBeganMs = performance.now();
        return pagesPerStep;
      },
    });
  } finally {
    source.exec('COMMIT');
    syncer?.close();
  }
  leaveWalMode(target);
}

/** The copy says of itself that it has a WAL, as its source has; a file that travels alone must not. */
function leaveWalMode(target: string): void {
  const copy = new SqliteDatabase(target);
  try {
    copy.pragma('journal_mode = DELETE');
  } finally {
    copy.close();
  }
}

/** Syncs a file behind its writer, so that the last sync never has much to do. */
class GrowingFile {
  readonly #descriptor: number;
  #synced = 0;

  constructor(path: string) {
    this.#descriptor = openSync(path, 'r');
  }

  syncBehind(written: number): void {
    if (written - this.#synced < unsyncedMax) return;
    fdatasyncSync(this.#descriptor);
    this.#synced = written;
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

/** Whether anybody has committed meanwhile: seen from outside, because the held snapshot does not show it. */
class WalActivity {
  readonly #path: string;
  #seen = 0;

  constructor(path: string) {
    this.#path = path;
    this.sinceLastLook();
  }

  sinceLastLook(): boolean {
    const modified = statSync(this.#path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    const changed = modified !== this.#seen;
    this.#seen = modified;
    return changed;
  }
}

const nothing = new Int32Array(new SharedArrayBuffer(4));

function rest(durationMs: number): void {
  Atomics.wait(nothing, 0, 0, durationMs);
}
