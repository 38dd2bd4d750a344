import { statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Registry } from 'prom-client';
import { statusName } from '../protocol/status.ts';
import { readBackupRecord } from '../storage/backup/record.ts';
import { databaseFileName } from '../storage/data-directory.ts';
import type { Store } from '../storage/store.ts';
import { programVersion } from '../version.ts';
import type { Observer } from './observer.ts';

export interface Metrics {
  readonly observer: Observer;
  readonly registry: Registry;
  /** Adds what is read off the node at each look; to be called once it is put together. */
  watch(sources: MetricSources): void;
}

export interface MetricSources {
  readonly directory: string;
  readonly store: Store;
  connections(): number;
  isReady(): boolean;
}

const durationBuckets = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5];
const batchBuckets = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];
const prefix = 'raida_node_';

/** Prometheus metrics, in base units. The library is loaded only where they are on. */
export async function createMetrics(): Promise<Metrics> {
  const { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } = await import('prom-client');
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const named = (name: string, help: string) => ({ name: `${prefix}${name}`, help, registers });
  const requests = new Counter({
    ...named('requests_total', 'Requests answered, by command and status.'),
    labelNames: ['command', 'status'],
  });
  const refusals = new Counter({
    ...named('refusals_total', 'Requests refused, by reason: limits, replays, envelopes and all others.'),
    labelNames: ['reason'],
  });
  const durations = new Histogram({
    ...named('request_duration_seconds', 'From the last byte of a request to its reply.'),
    labelNames: ['command'],
    buckets: durationBuckets,
  });
  const commits = new Histogram({
    ...named('commit_duration_seconds', 'Write transactions, their work and their sync.'),
    buckets: durationBuckets,
  });
  const batches = new Histogram({
    ...named('commit_requests', 'Requests that shared a commit.'),
    buckets: batchBuckets,
  });
  const corruptRows = new Counter(named('corrupt_rows_total', 'Stored rows that were not served, for their checksum.'));
  const rejections = new Counter(named('connections_rejected_total', 'Connections beyond limits.connections.'));

  return {
    registry,
    observer: {
      answered: (command, status, durationMs, reason) => {
        requests.inc({ command, status: statusName(status) });
        durations.observe({ command }, durationMs / 1_000);
        if (reason !== undefined) refusals.inc({ reason });
      },
      committed: (durationMs, size) => {
        commits.observe(durationMs / 1_000);
        batches.observe(size);
      },
      damaged: () => corruptRows.inc(),
      connectionRejected: () => rejections.inc(),
    },
    watch: (sources) => {
      for (const [name, help, read] of watched(sources)) {
        new Gauge({
          ...named(name, help),
          collect() {
            this.set(read());
          },
        });
      }
      new Gauge({ ...named('build_info', 'Versions, as labels.'), labelNames: ['version', 'sqlite', 'node'] }).set(
        { version: programVersion, sqlite: sources.store.sqliteVersion(), node: process.versions.node },
        1,
      );
    },
  };
}

type Watched = readonly [name: string, help: string, read: () => number];

function watched({ directory, store, connections, isReady }: MetricSources): Watched[] {
  const file = join(directory, databaseFileName);
  return [
    ['ready', 'Whether requests that write are carried out.', () => Number(isReady())],
    ['connections', 'Open connections.', connections],
    ['keys', 'Stored keys; missing until they are counted.', () => store.keyCount() ?? Number.NaN],
    ['event_sequence', 'Number of the newest event.', () => store.head().sequence],
    ['index_lag_rows', 'Rows that the index furthest behind lacks.', () => store.indexes.lag()],
    ['database_bytes', 'Size of the database file.', () => sizeOf(file)],
    ['wal_bytes', 'Size of the write-ahead log.', () => sizeOf(`${file}-wal`)],
    ['free_disk_bytes', 'Free space of the data directory.', () => freeBytes(directory)],
    [
      'last_verified_backup_timestamp_seconds',
      'When the last verified backup was made; 0 where there is none.',
      () => backupTime(directory) / 1_000,
    ],
  ];
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

function freeBytes(directory: string): number {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize;
}

function backupTime(directory: string): number {
  const time = Date.parse(readBackupRecord(directory)?.createdAt ?? '');
  return Number.isNaN(time) ? 0 : time;
}
