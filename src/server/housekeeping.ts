import { statfsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Config, configFileName } from '../config.ts';
import { parseSpan } from '../domain/time-text.ts';
import type { Logger } from '../logger.ts';
import { createBackup } from '../storage/backup/create.ts';
import { readBackupRecord } from '../storage/backup/record.ts';
import { backupFileName, removeOldBackups } from '../storage/backup/retention.ts';
import type { Store } from '../storage/store.ts';
import { programVersion } from '../version.ts';
import type { Clock, Dispatch } from './dispatch.ts';

export interface HousekeepingParts {
  readonly directory: string;
  readonly config: Config;
  readonly store: Store;
  readonly dispatch: Dispatch;
  readonly clock: Clock;
  readonly logger: Logger;
}

const intervalMs = 1_000;
const indexIntervalMs = 50;
/** Events indexed at once, while requests come and while none do. */
const indexedWhenBusy = 200;
const indexedWhenIdle = 1_500;
const dayMs = 86_400_000;
const retryBackupAfterMs = 600_000;

/** What a node does by itself once a second: renews the anchor, removes what is past its retention, makes due backups. */
export class Housekeeping {
  readonly #parts: HousekeepingParts;
  readonly #timers: NodeJS.Timeout[];
  #requestsSeen = 0;
  #indexedThrough = 0;
  readonly #stopped = new AbortController();
  #round: Promise<void> | undefined;
  #backup: Promise<void> | undefined;
  #anchored = 0;
  #backupNotBefore = 0;

  constructor(parts: HousekeepingParts) {
    this.#parts = parts;
    const round = setInterval(() => {
      this.#round ??= this.#keepHouse().finally(() => {
        this.#round = undefined;
      });
    }, intervalMs);
    this.#timers = [round, setInterval(() => this.#index(), indexIntervalMs)];
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#stopped.abort();
    await this.#round;
    await this.#backup;
  }

  async #keepHouse(): Promise<void> {
    try {
      this.#watchDiskSpace();
      this.#parts.dispatch.recordBacklog();
      this.#retain();
      await this.#renewAnchor();
      this.#planBackup();
    } catch (error) {
      this.#parts.logger.error({ err: error }, 'housekeeping failed');
    }
  }

  /** Lets the index of key events follow the log: slowly while there are requests, faster when there are none. */
  #index(): void {
    const { store, dispatch, logger } = this.#parts;
    const busy = dispatch.requests !== this.#requestsSeen;
    this.#requestsSeen = dispatch.requests;
    const { sequence } = store.head();
    if (sequence === this.#indexedThrough || !dispatch.acceptsWrites) return;
    try {
      this.#indexedThrough = store.write((writer) =>
        writer.eventIndex.advance(sequence, busy ? indexedWhenBusy : indexedWhenIdle),
      );
    } catch (error) {
      logger.error({ err: error }, 'indexing failed');
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

  #retain(): void {
    const { config, store, clock } = this.#parts;
    const now = clock.now();
    const { retention_days: keyDays } = config.keys;
    const { retention_days: eventDays } = config.events;
    if (keyDays > 0) store.write((writer) => writer.retention.purgeKeys(writer, now - keyDays * dayMs, now));
    if (eventDays > 0) store.write((writer) => writer.retention.pruneEvents(writer, now - eventDays * dayMs, now));
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
        now,
        progress: () => undefined,
      });
      const removed = removeOldBackups(folder, raidaId, config.backup.keep);
      this.#backupNotBefore = 0;
      logger.info({ file, sequence: manifest.head.sequence, removed: removed.length }, 'backup made and verified');
    } catch (error) {
      logger.error({ err: error, file }, 'backup failed');
    }
  }
}
