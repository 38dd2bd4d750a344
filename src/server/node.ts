import { Buffer } from 'node:buffer';
import { availableParallelism } from 'node:os';
import { performance } from 'node:perf_hooks';
import type { NodeFacts } from '../commands/command.ts';
import { Registry } from '../commands/registry.ts';
import type { Config } from '../config.ts';
import { parseCoinRange } from '../domain/coin-range.ts';
import type { RandomSource } from '../domain/random.ts';
import type { Logger } from '../logger.ts';
import { isSyncFailure } from '../storage/failure.ts';
import { ProcessLock } from '../storage/process-lock.ts';
import type { NodeIdentity } from '../storage/settings.ts';
import { Store } from '../storage/store.ts';
import { programVersion } from '../version.ts';
import { Control } from './control.ts';
import { type Clock, Dispatch } from './dispatch.ts';
import { HmacThread } from './hmac-thread.ts';
import { Housekeeping } from './housekeeping.ts';
import { catchUp } from './indexing.ts';
import { LineLimiter } from './line-limiter.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { MetricsEndpoint } from './metrics-endpoint.ts';
import type { Observer } from './observer.ts';
import { connectionsWithin, openFilesMax } from './open-files.ts';
import { operatorActions } from './operator.ts';
import { PooledRandom } from './random.ts';
import { RateLimits } from './rate-limits.ts';
import { Server } from './server.ts';

export interface RunningNode {
  readonly port: number;
  /** Of /metrics, where it is on. */
  readonly metricsPort: number | undefined;
  /** Resolves when the disk has failed and the process has to end. */
  readonly diskFailure: Promise<unknown>;
  /** Answers what is in flight, checkpoints and lets go of the data directory. */
  stop(): Promise<void>;
}

/** A node whose RAIDA id is not in its configuration listens here plus its id. */
export const portBase = 50_000;

const systemClock: Clock = { now: () => Date.now(), monotonicMs: () => performance.now() };

export interface NodeParts {
  readonly directory: string;
  readonly config: Config;
  readonly logger: Logger;
  readonly clock?: Clock;
  readonly random?: RandomSource;
  /** Goes on where the database is not what its anchor says it was, and records that. */
  readonly acceptLoss?: boolean;
}

/** Puts a node together from its data directory and configuration, and starts it. */
export async function startNode(parts: NodeParts): Promise<RunningNode> {
  const { directory, config, logger, clock = systemClock, random = new PooledRandom(), acceptLoss = false } = parts;
  const lock = ProcessLock.take(directory);
  let store: Store | undefined;
  try {
    store = Store.open(directory, acceptLoss);
    recordAcceptedLoss(store, clock, logger);
    catchUp(store, clock);
    let onDiskFailure: (error: unknown) => void = () => undefined;
    const diskFailure = new Promise<unknown>((resolve) => {
      onDiskFailure = resolve;
    });
    const metrics = config.metrics.listen === undefined ? undefined : await createMetrics();
    const observer = metrics?.observer;
    const hmacs = hmacThread(logger);
    const surroundings = { logger, clock, random, observer, hmacs, onDiskFailure };
    const { server, dispatch } = serverFor(store, parts.config, surroundings);
    const port = await server.listen(config.server.host, config.server.port ?? portBase + store.identity.raidaId);
    const checkpointFailures = new LineLimiter(logger, clock.monotonicMs);
    const sortFailures = new LineLimiter(logger, clock.monotonicMs);
    store.startThread({
      checkpointFailed: (error) => {
        checkpointFailures.error({ err: error }, 'checkpoint failed');
        if (isSyncFailure(error)) onDiskFailure(error);
      },
      sortFailed: (error) => sortFailures.error({ err: error }, 'sorting for the indexes failed'),
    });
    const housekeeping = new Housekeeping({ directory, config, store, dispatch, clock, logger });
    const isReady = () => dispatch.isReady;
    const control = await Control.listen(directory, operatorActions({ store, clock, random, port, isReady }), logger);
    metrics?.watch({ directory, store, connections: () => server.connectionCount, isReady });
    const endpoint = await startEndpoint(config.metrics.listen, metrics, isReady);
    const opened = store;
    let stopped: Promise<void> | undefined;
    const stop = () => {
      endpoint?.close();
      stopped ??= stopNode(control, server, housekeeping, hmacs, opened, lock);
      return stopped;
    };
    return { port, metricsPort: endpoint?.port, diskFailure, stop };
  } catch (error) {
    store?.close();
    lock.release();
    throw error;
  }
}

/** With one processor, another thread computes nothing sooner. */
function hmacThread(logger: Logger): HmacThread | undefined {
  if (availableParallelism() === 1) return undefined;
  return new HmacThread((error) => logger.warn({ err: error }, 'HMACs are computed by one thread from now on'));
}

async function startEndpoint(
  listen: string | undefined,
  metrics: Metrics | undefined,
  isReady: () => boolean,
): Promise<MetricsEndpoint | undefined> {
  if (listen === undefined || metrics === undefined) return undefined;
  return MetricsEndpoint.start(listen, metrics.registry, isReady);
}

function recordAcceptedLoss(store: Store, clock: Clock, logger: Logger): void {
  const { acceptedLoss } = store;
  if (acceptedLoss === undefined) return;
  const details = { loss: acceptedLoss };
  store.write((writer) => writer.events.append({ time: clock.now(), action: 'loss-accepted', details }));
  logger.warn({ loss: acceptedLoss }, 'loss accepted');
}

async function stopNode(
  control: Control,
  server: Server,
  housekeeping: Housekeeping,
  hmacs: HmacThread | undefined,
  store: Store,
  lock: ProcessLock,
): Promise<void> {
  control.close();
  try {
    await server.stop();
    await housekeeping.stop();
    await hmacs?.stop();
    await store.stopThreads();
    store.close();
  } finally {
    lock.release();
  }
}

interface Surroundings {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly observer: Observer | undefined;
  readonly hmacs: HmacThread | undefined;
  onDiskFailure(error: unknown): void;
}

function serverFor(store: Store, config: Config, surroundings: Surroundings): { server: Server; dispatch: Dispatch } {
  const { clock } = surroundings;
  const registry = new Registry();
  const rateLimits = new RateLimits(config.rate_limits);
  const startedMs = clock.monotonicMs();
  const dispatch: Dispatch = new Dispatch({
    ...surroundings,
    store,
    registry,
    rateLimits,
    facts: factsOf(config, store.identity, () => ({
      uptimeSeconds: Math.floor((clock.monotonicMs() - startedMs) / 1_000),
      requests: dispatch.requests,
      failures: dispatch.failures,
    })),
  });
  const server = new Server({
    ...surroundings,
    registry,
    dispatch,
    rateLimits,
    ...store.identity,
    addressPolicy: config.events.address,
    limits: {
      connections: connectionsFor(config, surroundings.logger),
      headerDeadlineMs: config.limits.header_deadline_ms,
      requestDeadlineMs: config.limits.request_deadline_ms,
      idleLimitMs: config.limits.idle_limit_ms,
      unparsedBytes: config.limits.unparsed_bytes,
      batch: config.limits.batch,
    },
  });
  return { server, dispatch };
}

function connectionsFor(config: Config, logger: Logger): number {
  const openFiles = openFilesMax();
  const connections = connectionsWithin(config.limits.connections, openFiles);
  if (connections < config.limits.connections) {
    logger.warn({ connections, openFiles }, 'fewer connections than limits.connections: open files are limited');
  }
  return connections;
}

/** What commands may know: the configuration in their words. */
export function factsOf(config: Config, identity: NodeIdentity, statistics: NodeFacts['statistics']): NodeFacts {
  const adminKey = config.server.admin_key ?? '';
  return {
    ...identity,
    version: programVersion,
    adminKey: adminKey === '' ? undefined : Buffer.from(adminKey, 'hex'),
    keyReplacement: config.keys.replace,
    keysSingleUse: config.keys.single_use,
    ticketRecipients: config.tickets.recipients.flatMap((text) => parseCoinRange(text) ?? []),
    ticketsRequireEncryption: config.tickets.require_encryption,
    reconstruction: {
      mode: config.reconstruction.mode,
      allowed: config.reconstruction.allow.flatMap((text) => parseCoinRange(text) ?? []),
      perDay: config.reconstruction.per_day,
      distinctAuthorities: config.reconstruction.distinct_authorities,
    },
    keyLimits: { perCoin: config.keys.per_coin, total: config.keys.total },
    refusesTypeOneGet: config.keys.refuse_type_1_get,
    replay: {
      windowMs: config.replay.window_seconds * 1_000,
      refusesNonceReuse: config.replay.nonce_reuse === 'refuse',
    },
    statistics,
  };
}
