import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import SqliteDatabase, { type Database } from 'better-sqlite3';
import { onTestFinished } from 'vitest';
import { Registry } from '../../src/commands/registry.ts';
import { type Config, parseConfig } from '../../src/config.ts';
import type { RandomSource } from '../../src/domain/random.ts';
import { createLogger, type Logger } from '../../src/logger.ts';
import { type Frame, Framer } from '../../src/protocol/framer.ts';
import type { HmacsAhead } from '../../src/protocol/hmacs-ahead.ts';
import type { Client } from '../../src/server/client.ts';
import { Dispatch } from '../../src/server/dispatch.ts';
import { framerRules } from '../../src/server/framer-rules.ts';
import { factsOf, type RunningNode, startNode } from '../../src/server/node.ts';
import { RateLimits } from '../../src/server/rate-limits.ts';
import { Store } from '../../src/storage/store.ts';
import { watchedDestination, watchedLevel, watchSecret } from './watched.ts';

/** Real databases in temporary folders, dispatch without a port, whole nodes with one. */
export const raidaId = 14;
export const coinId = 6;
/** 23 November 2026: MFS 45. */
export const fixedNow = Date.UTC(2026, 10, 23, 12);

export const watchedLogger: Logger = createLogger(watchedLevel, watchedDestination);
export const systemRandom: RandomSource = { bytes: (size) => randomBytes(size) };

/** Of a file of encryption keys, before the keys. */
const encryptionCoinHeaderSize = 40;

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'raida-node-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export interface GivenCoin {
  readonly denomination: number;
  readonly serialNumber: number;
  readonly secret: Buffer;
  readonly mfs?: number;
}

/** A data directory with a database, some coins and encryption coin files. */
export function makeNode(coins: readonly GivenCoin[] = [], files: Readonly<Record<string, Buffer>> = {}): string {
  const directory = temporaryFolder();
  mkdirSync(join(directory, 'coins'));
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(directory, 'coins', name), content);
    watchSecret(content.subarray(encryptionCoinHeaderSize));
  }
  const store = Store.create(directory, { raidaId, coinId }, systemRandom);
  putCoins(store, coins);
  store.close();
  return directory;
}

export function putCoins(store: Store, coins: readonly GivenCoin[]): void {
  for (const { secret } of coins) watchSecret(secret);
  store.write((writer) => {
    for (const { denomination, serialNumber, secret, mfs = 45 } of coins) {
      const record = { authenticationNumber: secret, mfs };
      writer.coins.putRecord({ denomination, serialNumber }, () => record, systemRandom);
    }
  });
}

export function openStore(directory: string): Store {
  const store = Store.open(directory);
  onTestFinished(() => store.close());
  return store;
}

/** A second connection, as another process would have it. */
export function openBeside(directory: string): Database {
  const database = new SqliteDatabase(join(directory, 'node.db'), { timeout: 100 });
  onTestFinished(() => {
    database.close();
  });
  return database;
}

export interface Scripted {
  readonly random?: RandomSource;
  readonly now?: () => number;
  readonly settings?: string;
  readonly logger?: Logger;
  /** Address of a client to which limits apply. */
  readonly client?: string;
  /** Whether the client has hung up before anybody looked. */
  readonly isGone?: boolean;
  readonly monotonicMs?: () => number;
  readonly hmacs?: HmacsAhead;
}

/** Bytes through framer and dispatch: what a connection would answer, and in which batches. */
export class Exchange {
  readonly dispatch: Dispatch;
  readonly #registry = new Registry();
  readonly #client: Client;
  readonly #monotonicMs: () => number;
  diskFailures = 0;

  constructor(
    store: Store,
    {
      random = systemRandom,
      now = () => fixedNow,
      settings = '',
      logger = watchedLogger,
      client,
      isGone = false,
      monotonicMs = () => performance.now(),
      hmacs,
    }: Scripted = {},
  ) {
    this.#monotonicMs = monotonicMs;
    const config = parseConfig(settings, 'test');
    const rateLimits = new RateLimits(config.rate_limits);
    this.#client = { address: '192.0.2.7', origin: rateLimits.originOf(client), isGone };
    this.dispatch = new Dispatch({
      store,
      registry: this.#registry,
      random,
      logger,
      clock: { now, monotonicMs },
      rateLimits,
      hmacs,
      facts: factsOf(config, store.identity, () => ({ uptimeSeconds: 1, requests: 2, failures: 3 })),
      onDiskFailure: () => {
        this.diskFailures += 1;
      },
    });
  }

  frames(...pieces: Buffer[]): Frame[] {
    const framer = new Framer(framerRules(this.#registry, raidaId, coinId));
    const frames: Frame[] = [];
    for (const piece of pieces) framer.push(piece, (frame) => frames.push(frame));
    return frames;
  }

  /** All requests of the bytes in one batch, each from a client of its own: so that each reply is a buffer of its own. */
  send(...pieces: Buffer[]): Buffer[] {
    return this.sendInRuns([], ...pieces);
  }

  /** The same, but so many that follow each other come from one client. */
  sendInRuns(runs: readonly number[], ...pieces: Buffer[]): Buffer[] {
    const clients = runs.flatMap((length) => new Array<Client>(length).fill({ ...this.#client }));
    const batch = this.frames(...pieces).map((frame, index) => ({
      frame,
      receivedAtMs: this.#monotonicMs(),
      client: clients[index] ?? { ...this.#client },
    }));
    return this.dispatch.run(batch);
  }

  /** One request, one reply. */
  one(bytes: Buffer): Buffer {
    const [reply] = this.send(bytes);
    if (reply === undefined) throw new Error('no reply');
    return reply;
  }

  status(bytes: Buffer): number {
    return this.one(bytes).readUInt8(2);
  }
}

export async function serveNode(
  directory: string,
  settings = '',
  logger: Logger = watchedLogger,
): Promise<RunningNode> {
  const listening = '[server]\nhost = "127.0.0.1"\nport = 0\n';
  const whole = settings.includes('[server]\n')
    ? settings.replace('[server]\n', listening)
    : `${settings}\n${listening}`;
  const config: Config = parseConfig(whole, 'test');
  const node = await startNode({ directory, config, logger });
  onTestFinished(() => node.stop());
  return node;
}

export interface Talk {
  /** Everything that was received. */
  readonly received: Buffer;
  /** Whether the node closed the connection, and not we. */
  readonly closedByNode: boolean;
}

/** Sends pieces one after the other and reads until `size` bytes are there, the node closes, or the time is up. */
export function talk(port: number, pieces: readonly Buffer[], size: number, waitMs = 3_000): Promise<Talk> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true, allowHalfOpen: true });
    let received = Buffer.alloc(0);
    let settled = false;
    const finish = (closedByNode: boolean) => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      socket.destroy();
      resolve({ received, closedByNode });
    };
    const timer = setTimeout(() => finish(false), waitMs);
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length >= size) setTimeout(() => finish(false), 30);
    });
    socket.on('end', () => finish(true));
    socket.on('close', () => finish(true));
    socket.on('error', (error) => (settled ? undefined : reject(error)));
    socket.on('connect', async () => {
      for (const piece of pieces) {
        if (settled) return;
        socket.write(piece);
        if (pieces.length > 1) await new Promise((next) => setImmediate(next));
      }
    });
  });
}
