import { createServer, type Server as NetServer, type Socket } from 'node:net';
import type { Registry } from '../commands/registry.ts';
import type { Logger } from '../logger.ts';
import { BodyMemory } from '../protocol/body-memory.ts';
import { Framer, type FramerRules } from '../protocol/framer.ts';
import type { AddressPolicy } from './address.ts';
import { BusyPoll } from './busy-poll.ts';
import { SocketClient } from './client.ts';
import { Connection, type ConnectionEvents, type ConnectionLimits, type Share } from './connection.ts';
import type { Clock, Dispatch, Request } from './dispatch.ts';
import { framerRules } from './framer-rules.ts';
import { LargeReads } from './large-reads.ts';
import { LineLimiter } from './line-limiter.ts';
import type { Observer } from './observer.ts';
import type { RateLimits } from './rate-limits.ts';
import { UnreadReplies } from './unread-replies.ts';

export interface ServerLimits extends ConnectionLimits {
  readonly connections: number;
  /** Bytes held over all connections: of unfinished requests, and of those that wait behind others or for their client. */
  readonly unparsedBytes: number;
  /** Requests that share one transaction at most. */
  readonly batch: number;
}

export interface ServerParts {
  readonly registry: Registry;
  readonly dispatch: Dispatch;
  readonly raidaId: number;
  readonly coinId: number;
  readonly addressPolicy: AddressPolicy;
  readonly rateLimits: RateLimits;
  readonly limits: ServerLimits;
  readonly observer?: Observer | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What all connections together may have waiting, and what each of them may have at least and at most. */
const waitingRequests = { together: 2_048, least: 4, most: 32 };
const waitingBytes = { together: 3_145_728, least: 16_384, most: 131_072 };
/** So many requests of one connection are answered in its turn; then the others have theirs. */
const requestsPerTurn = 32;
/** Waiting requests up to which a connection counts as light. */
const lightMax = 4;
/** How long a batch may wait for connections that are being accepted. */
const gatheringMaxMs = 1;
const sweepIntervalMs = 50;
const unreadIntervalMs = 1_000;
/** What stopping may take: for replies to reach their clients. */
const stopPatienceMs = 1_000;

/**
 * The TCP front end: connections, the queue of framed requests, and the turn of the event loop that answers them
 * together. Replies leave only after the commit that holds their work.
 */
export class Server {
  readonly #parts: ServerParts;
  readonly #rules: FramerRules;
  readonly #net: NetServer;
  readonly #memory = new BodyMemory();
  readonly #reads = new LargeReads();
  readonly #connections = new Set<Connection>();
  readonly #timers: NodeJS.Timeout[] = [];
  /** Connections with waiting requests, in the order of their turns. */
  #ready: Connection[] = [];
  /** How many there were at the last turn. */
  #crowd = 0;
  readonly #closings: LineLimiter;
  readonly #acceptFailures: LineLimiter;
  readonly #busyPoll: BusyPoll;
  #turnIsPlanned = false;
  #gatheringSinceMs = 0;
  /** Whether a connection was accepted since the last turn. */
  #accepted = false;
  #heldBytes = 0;

  readonly #events: ConnectionEvents = {
    read: (size) => this.#reads.note(size),
    ready: (connection) => {
      this.#ready.push(connection);
      this.#planTurn();
    },
    share: () => this.#share(),
    held: (connection, change) => this.#account(connection, change),
    closed: (connection) => this.#connections.delete(connection),
  };

  constructor(parts: ServerParts) {
    this.#parts = parts;
    this.#closings = new LineLimiter(parts.logger, parts.clock.monotonicMs);
    this.#acceptFailures = new LineLimiter(parts.logger, parts.clock.monotonicMs);
    this.#busyPoll = new BusyPoll(parts.clock.monotonicMs);
    this.#rules = framerRules(parts.registry, parts.raidaId, parts.coinId);
    this.#net = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
    this.#net.maxConnections = parts.limits.connections;
    this.#net.on('drop', () => {
      parts.observer?.connectionRejected();
      parts.logger.debug('connection dropped: too many');
    });
  }

  /** Starts to listen; returns the port. */
  async listen(host: string, port: number): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#net.once('error', reject);
      this.#net.listen({ host, port, backlog: 1_024 }, () => {
        this.#net.off('error', reject);
        resolve();
      });
    });
    this.#net.on('error', (error) => this.#acceptFailures.warn({ err: error }, 'accepting failed'));
    const address = this.#net.address();
    const boundPort = typeof address === 'object' && address !== null ? address.port : port;
    this.#timers.push(setInterval(() => this.#sweep(), sweepIntervalMs));
    const unread = new UnreadReplies(boundPort, this.#parts.logger, this.#parts.clock.monotonicMs);
    const readings = () => [...this.#connections].map(({ reading }) => reading);
    this.#timers.push(setInterval(() => void unread.look(readings()), unreadIntervalMs));
    return boundPort;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Stops accepting, answers what has arrived, waits until the replies are away. The store stays open. */
  async stop(): Promise<void> {
    this.#net.close();
    const givenUpAt = this.#parts.clock.monotonicMs() + stopPatienceMs;
    const hasPatience = () => this.#parts.clock.monotonicMs() < givenUpAt;
    await nextTurn();
    while (this.#ready.length > 0 && hasPatience()) {
      this.#answer();
      await nextTurn();
    }
    for (const connection of this.#connections) connection.endWhenAnswered();
    while (this.#connections.size > 0 && hasPatience()) await pause(10);
    for (const connection of this.#connections) connection.destroy();
    for (const timer of this.#timers) clearInterval(timer);
  }

  #accept(socket: Socket): void {
    this.#accepted = true;
    const { limits, clock, addressPolicy, rateLimits } = this.#parts;
    const client = new SocketClient(socket, addressPolicy, rateLimits);
    const framer = new Framer(this.#rules, this.#memory);
    this.#connections.add(new Connection(socket, framer, limits, client, clock.monotonicMs, this.#events));
  }

  #planTurn(): void {
    if (this.#turnIsPlanned) return;
    this.#turnIsPlanned = true;
    this.#gatheringSinceMs = this.#parts.clock.monotonicMs();
    setImmediate(() => this.#turn());
  }

  /** One turn accepts one connection only: while they come, a batch waits for those behind it a moment. */
  #turn(): void {
    const gathers = this.#accepted && this.#ready.length < this.#parts.limits.batch;
    this.#accepted = false;
    if (gathers && this.#parts.clock.monotonicMs() - this.#gatheringSinceMs < gatheringMaxMs) {
      setImmediate(() => this.#turn());
      return;
    }
    this.#turnIsPlanned = false;
    this.#answer();
    if (this.#ready.length > 0) this.#planTurn();
  }

  /**
   * Connections with few waiting requests are answered before those that send many at once, in a transaction of their own:
   * nobody waits for what others have piled up.
   */
  #answer(): void {
    const waiting = this.#ready;
    this.#ready = [];
    this.#crowd = waiting.length;
    const light = waiting.filter((connection) => connection.waitingCount <= lightMax);
    const heavy = light.length === 0 ? waiting : waiting.filter((connection) => connection.waitingCount > lightMax);
    this.#ready = [...this.#answerBatch(light), ...this.#answerBatch(heavy), ...this.#ready];
    this.#busyPoll.answered(waiting, this.#gatheringSinceMs);
  }

  /** One batch: one transaction, then one write for each connection that is answered. Returns whose turn did not come. */
  #answerBatch(waiting: readonly Connection[]): readonly Connection[] {
    if (waiting.length === 0) return waiting;
    const requests: Request[] = [];
    const shares: { connection: Connection; count: number }[] = [];
    let turn = 0;
    for (; turn < waiting.length && requests.length < this.#parts.limits.batch; turn += 1) {
      const connection = waiting[turn];
      if (connection === undefined) break;
      const taken = connection.take(requestsPerTurn);
      if (taken.length === 0) continue;
      requests.push(...taken);
      shares.push({ connection, count: taken.length });
    }
    const replies = this.#parts.dispatch.run(requests);
    for (const { frame } of requests) if (frame.memory !== undefined) this.#memory.giveBack(frame.memory);
    // Each connection gets what is at its place: before anybody gets another's, nobody gets anything.
    if (replies.length !== shares.length)
      throw new Error(`${replies.length} runs of replies for ${shares.length} clients`);
    for (const [index, { connection, count }] of shares.entries()) {
      const bytes = replies[index];
      if (bytes !== undefined) connection.reply(bytes, count);
    }
    return waiting.slice(turn);
  }

  #share(): Share {
    const of = ({ together, least, most }: typeof waitingRequests) =>
      Math.min(most, Math.max(least, together / Math.max(1, this.#crowd, this.#ready.length)));
    return { requests: of(waitingRequests), bytes: of(waitingBytes) };
  }

  /** Over the limit, the connection that holds most is closed, whoever sends next. */
  #account(connection: Connection, change: number): void {
    this.#heldBytes += change;
    if (change <= 0 || this.#heldBytes <= this.#parts.limits.unparsedBytes) return;
    let largest = connection;
    for (const each of this.#connections) if (each.heldSize > largest.heldSize) largest = each;
    this.#closings.warn(
      { address: largest.client.address },
      'connection closed: too many bytes of requests that are unfinished or wait',
    );
    largest.destroy();
  }

  #sweep(): void {
    const now = this.#parts.clock.monotonicMs();
    for (const connection of this.#connections) connection.enforceDeadlines(now);
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}

function pause(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}
