import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import SqliteDatabase, { type Database } from 'better-sqlite3';
import { Connection } from '../../src/server/connection.ts';
import { Dispatch, type Request } from '../../src/server/dispatch.ts';
import { Store } from '../../src/storage/store.ts';

/**
 * Looks into a serving node without a line in its source: methods are wrapped before it starts. Wrapped is only what runs
 * once a batch or once a connection's replies, so that the node is hardly slower for it.
 */
export interface NodeMeasurement {
  readonly requests: number;
  /** Size of every batch that shared one write transaction, in their order. */
  readonly batches: number[];
  readonly cpuUs: number;
  /** Milliseconds by which the event loop was late. */
  readonly loopDelay: { readonly p99: number; readonly max: number };
  readonly residentBytes: number;
}

const delayResolutionMs = 1;
const profileIntervalUs = 200;
const fullSynchronous = 2;

let databases: Database[] = [];
let requests = 0;
let batches: number[] = [];
let batchUnderWay = 0;
let repliesBeforeCommit = 0;
let cpuBefore = process.cpuUsage();
const delays = monitorEventLoopDelay({ resolution: delayResolutionMs });

export function installProbes(): void {
  wrap(SqliteDatabase.prototype as Database, 'pragma', (original) => {
    return function (this: Database, ...parameters: Parameters<Database['pragma']>) {
      if (!databases.includes(this)) databases.push(this);
      return original.apply(this, parameters);
    };
  });
  wrap(Dispatch.prototype, 'run', (original) => {
    return function (this: Dispatch, batch: readonly Request[]) {
      requests += batch.length;
      batchUnderWay = batch.length;
      const replies = original.call(this, batch);
      batchUnderWay = 0;
      return replies;
    };
  });
  wrap(Store.prototype, 'write', (original) => {
    return function (this: Store, work: Parameters<Store['write']>[0]) {
      const result = original.call(this, work);
      if (batchUnderWay > 0) batches.push(batchUnderWay);
      return result;
    } as Store['write'];
  });
  wrap(Connection.prototype, 'reply', (original) => {
    return function (this: Connection, bytes: Buffer, count: number) {
      if (databases.some((database) => database.open && database.inTransaction)) repliesBeforeCommit += count;
      original.call(this, bytes, count);
    };
  });
}

/** Throws unless every commit of the serving connection is synced, and no reply has left before its commit. */
export function assertDurable(): void {
  databases = databases.filter((database) => database.open);
  if (databases.length === 0) throw new Error('the node has no database');
  for (const database of databases) {
    const synchronous = database.pragma('synchronous', { simple: true });
    const journal = database.pragma('journal_mode', { simple: true });
    if (synchronous !== fullSynchronous || journal !== 'wal') {
      throw new Error(`the node runs with synchronous=${synchronous}, journal_mode=${journal}`);
    }
  }
  if (repliesBeforeCommit > 0) throw new Error(`${repliesBeforeCommit} replies left before their commit`);
}

export function beginMeasurement(): void {
  requests = 0;
  batches = [];
  cpuBefore = process.cpuUsage();
  delays.reset();
  delays.enable();
}

export function endMeasurement(): NodeMeasurement {
  assertDurable();
  delays.disable();
  const { user, system } = process.cpuUsage(cpuBefore);
  const late = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - delayResolutionMs);
  return {
    requests,
    batches,
    cpuUs: user + system,
    loopDelay: { p99: late(delays.percentile(99)), max: late(delays.max) },
    residentBytes: process.memoryUsage.rss(),
  };
}

let session: Session | undefined;

export async function beginProfile(): Promise<void> {
  session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: profileIntervalUs });
  await session.post('Profiler.start');
}

export async function endProfile(file: string): Promise<void> {
  const profile = await session?.post('Profiler.stop');
  session?.disconnect();
  writeFileSync(file, JSON.stringify(profile?.profile));
}

function wrap<T, N extends keyof T>(prototype: T, name: N, wrapper: (original: T[N]) => T[N]): void {
  prototype[name] = wrapper(prototype[name]);
}
