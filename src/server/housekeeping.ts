import { statfsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { type Config, configFileName } from '../config.ts';
import { parseSpan } from '../domain/time-text.ts';
import type { Logger } from '../logger.ts';
import { createBackup } from '../storage/backup/create.ts';
import { readBackupRecord } from '../storage/backup/record.ts';
import { backupFileName, removeOldBackups } from '../storage/backup/retention.ts';
import type { Store } from '../storage/store.ts';
import { programVersion } from '../version.ts';
import type { Clock, Dispatch } from './dispatch.ts';
import { Indexing } from './indexing.ts';
import { Retaining } from './retaining.ts';

export interface HousekeepingParts {
  readonly directory: string;
  readonly config: Config;
  readonly store: Store;
  readonly dispatch: Dispatch;
  readonly clock: Clock;
  readonly logger: Logger;
}

const intervalMs = 1_000;
const retryBackupAfterMs = 600_000;

/** What a node does by itself: watches the disk, renews the anchor each second, makes due backups, indexes and retains. */
export class Housekeeping {
  readonly #parts: HousekeepingParts;
  readonly #timer: NodeJS.Timeout;
  readonly #indexing: Indexing;
  readonly #retaining: Retaining;
  readonly #stopped = new AbortController();
  #round: Promise<void> | undefined;
  #backup: Promise<void> | undefined;
  #anchored = 0;
  #backupNotBefore = 0;

  constructor(parts: HousekeepingParts) {
    this.#parts = parts;
    this.#indexing = new Indexing({ ...parts, countsKeys: parts.config.metrics.listen !== undefined });
    this.#retaining = new Retaining(parts);
    this.#timer = setInterval(() => {
      this.#round ??= this.#keepHouse().finally(() => {
        this.#round = undefined;
      });
    }, intervalMs);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#indexing.stop();
    this.#retaining.stop();
    this.#stopped.abort();
    await this.#round;
    await this.#backup;
  }

  async #keepHouse(): Promise<void> {
    const { store, logger } = this.#parts;
    try {
      this.#watchDiskSpace();
      this.#parts.dispatch.recordBacklog();
      await this.#renewAnchor();
      this.#planBackup();
      store.readAheadWhereMany((error) => logger.error({ err: error }, 'keys are not read ahead any more'));
    } catch (error) {
      logger.error({ err: error }, 'housekeeping failed');
    }
  }

  /** Refuses writes before the disk does, while there is still room for events. */
  #watchDiskSpace(): void {
    const { directory, config, dispatch, logger } = this.#parts;
    const { bavail, bsize } = statfsSync(directory);
    const enough = bavail * bsize >= config.storage.min_free_bytes;
    if (enough !== dispatch.acceptsWrites) {
      const message = enough
        ? 'disk space is back, writes are taken again'
        : 'the disk is nearly full, writes are refused';
      logger.warn({ freeBytes: bavail * bsize }, message);
    }
    dispatch.acceptsWrites = enough;
  }

  async #renewAnchor(): Promise<void> {
    const { sequence } = this.#parts.store.head();
    if (sequence === this.#anchored) return;
    await this.#parts.store.renewAnchor();
    this.#anchored = sequence;
  }

  #planBackup(): void {
    const { config, clock, directory } = this.#parts;
    const every = config.backup.every === undefined ? undefined : parseSpan(config.backup.every);
    if (every === undefined || config.backup.dir === undefined || this.#backup !== undefined) return;
    const now = clock.now();
    const last = Date.parse(readBackupRecord(directory)?.createdAt ?? '');
    const due = Number.isNaN(last) || now - last >= every || last > now;
    if (!due || clock.monotonicMs() < this.#backupNotBefore) return;
    this.#backup = this.#makeBackup(resolve(directory, config.backup.dir), now).finally(() => {
      this.#backup = undefined;
    });
  }

  async #makeBackup(folder: string, now: number): Promise<void> {
    const { directory, store, config, logger, clock } = this.#parts;
    const { raidaId } = store.identity;
    const file = join(folder, backupFileName(raidaId, now));
    this.#backupNotBefore = clock.monotonicMs() + retryBackupAfterMs;
    try {
      const manifest = await createBackup({
        directory,
        file,
        program: programVersion,
        configFileName,
        copy: async (target, progress) => {
          await store.copyTo(target, clock.monotonicMs, progress);
          return true;
        },
        now,
        progress: () => undefined,
      });
      const removed = await removeOldBackups(folder, raidaId, config.backup.keep, basename(file));
      this.#backupNotBefore = 0;
      logger.info({ file, sequence: manifest.head.sequence, removed: removed.length }, 'backup made and verified');
    } catch (error) {
      logger.error({ err: error, file }, 'backup failed');
    }
  }
}
