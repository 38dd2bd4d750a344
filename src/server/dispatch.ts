import type { Buffer } from 'node:buffer';
import type { Call, Command, NodeFacts } from '../commands/command.ts';
import type { Registry } from '../commands/registry.ts';
import type { RandomSource } from '../domain/random.ts';
import type { Logger } from '../logger.ts';
import type { OpenedBody } from '../protocol/body.ts';
import type { Frame } from '../protocol/framer.ts';
import type { HmacsAhead } from '../protocol/hmacs-ahead.ts';
import { Refusal } from '../protocol/refusal.ts';
import type { Answer } from '../protocol/reply-encoder.ts';
import type { RequestHeader } from '../protocol/request-header.ts';
import { Status, statusName } from '../protocol/status.ts';
import { DamagedRow } from '../storage/damage.ts';
import type { EventEntry } from '../storage/events.ts';
import { isStorageFailure, isSyncFailure } from '../storage/failure.ts';
import type { Reader, Store, Writer } from '../storage/store.ts';
import type { Client } from './client.ts';
import { EventBacklog } from './event-backlog.ts';
import { demandSize, FrameOpener } from './frame-opener.ts';
import { LineLimiter } from './line-limiter.ts';
import type { Observer } from './observer.ts';
import { again, emptyPayload, failure, nothingTraced, type Outcome, turnedAway } from './outcome.ts';
import { prepareBatch } from './prepare-batch.ts';
import type { RateLimits } from './rate-limits.ts';
import { Safeguards } from './safeguards.ts';
import { Sealer } from './sealer.ts';

/** One request on its way through the node. */
export interface Request {
  readonly frame: Frame;
  /** Monotonic milliseconds when its last byte was there. */
  readonly receivedAtMs: number;
  readonly client: Client;
}

/** Wall clock in milliseconds since 1970, and a monotonic one that no administrator can turn. */
export interface Clock {
  now(): number;
  monotonicMs(): number;
}

export interface DispatchParts {
  readonly store: Store;
  readonly registry: Registry;
  readonly facts: NodeFacts;
  readonly random: RandomSource;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly rateLimits: RateLimits;
  readonly observer?: Observer | undefined;
  readonly hmacs?: HmacsAhead | undefined;
  /** The disk failed to sync: what it holds is unknown, and nothing may be acknowledged any more. */
  onDiskFailure(error: unknown): void;
}

/**
 * From framed requests to sealed replies, without a socket in sight. Requests that come together share one transaction,
 * and `run` returns when it is on disk. Only here are errors caught: the answer is no (Refusal), storage fails, or we are
 * wrong; each becomes a status.
 */
export class Dispatch {
  readonly #parts: DispatchParts;
  readonly #safeguards: Safeguards;
  readonly #opener: FrameOpener;
  readonly #sealer: Sealer;
  readonly #refusals: LineLimiter;
  readonly #failedBatches: LineLimiter;
  readonly #failedRequests: LineLimiter;
  readonly #backlog = new EventBacklog();
  /** Cleared while the disk is nearly full: reads and their events still fit. */
  acceptsWrites = true;
  #failedDisk = false;
  /** Of the batches before the one at hand. */
  #requests = 0;
  #failures = 0;
  /** What became of the requests of the batch at hand so far. */
  #outcomes: Outcome[] = [];

  constructor(parts: DispatchParts) {
    this.#parts = parts;
    this.#opener = new FrameOpener(parts.hmacs);
    this.#sealer = new Sealer(parts.random, parts.logger, parts.hmacs);
    this.#safeguards = new Safeguards(parts.rateLimits, parts.facts.replay, parts.clock.monotonicMs);
    this.#refusals = new LineLimiter(parts.logger, parts.clock.monotonicMs);
    this.#failedBatches = new LineLimiter(parts.logger, parts.clock.monotonicMs);
    this.#failedRequests = new LineLimiter(parts.logger, parts.clock.monotonicMs);
  }

  /** Whether requests that write are carried out. */
  get isReady(): boolean {
    return this.acceptsWrites && !this.#failedDisk;
  }

  /** Requests that were carried out before the one at hand. */
  get requests(): number {
    return this.#requests + this.#outcomes.length;
  }

  get failures(): number {
    return this.#failures + this.#outcomes.filter(({ reason }) => reason !== undefined).length;
  }

  /**
   * Answers a batch: one reply for each request, in order. Those to requests of one client that follow each other are in one
   * buffer.
   */
  run(batch: readonly Request[]): Buffer[] {
    this.#outcomes = [];
    this.#opener.expect(batch.map(({ frame }) => frame));
    this.#carryOutAll(batch);
    this.#opener.expect([]);
    const outcomes = this.#outcomes;
    this.#outcomes = [];
    const doneAtMs = this.#parts.clock.monotonicMs();
    return this.#sealer.seal(
      batch.map((request, index) => this.#answer(request, outcomes[index] ?? failure, doneAtMs)),
    );
  }

  /** When it returns, the work of the batch is on disk. */
  #carryOutAll(batch: readonly Request[]): void {
    const now = this.#parts.clock.now();
    if (this.#failedDisk || !batch.some((request) => this.#isTraced(request))) {
      this.#carryOutReads(batch, now);
      return;
    }
    const beganMs = this.#parts.observer === undefined ? 0 : this.#parts.clock.monotonicMs();
    try {
      this.#parts.store.write((writer) => {
        this.#backlog.write(writer, now);
        prepareBatch(batch, { ...this.#parts, opener: this.#opener, safeguards: this.#safeguards }, writer);
        for (const [turn, request] of batch.entries()) {
          writer.chatKeys.reachTurn(turn);
          this.#outcomes.push(this.#carryOutTraced(request, writer, now));
        }
      });
      this.#backlog.clear();
      this.#parts.observer?.committed(this.#parts.clock.monotonicMs() - beganMs, batch.length);
    } catch (error) {
      this.#outcomes = [];
      this.#carryOutWithoutDisk(batch, error, now);
    }
  }

  /** Tries to store the events that had to wait; without waiting ones it does nothing. */
  recordBacklog(): void {
    if (this.#backlog.isEmpty || this.#failedDisk) return;
    const now = this.#parts.clock.now();
    this.#parts.store.write((writer) => this.#backlog.write(writer, now));
    this.#backlog.clear();
  }

  /** The disk took nothing: what writes is refused, what reads is answered, and the events wait. */
  #carryOutWithoutDisk(batch: readonly Request[], error: unknown, now: number): void {
    this.#failedBatches.error({ err: error, requests: batch.length }, 'batch undone');
    if (isSyncFailure(error)) {
      this.#failedDisk = true;
      this.#parts.onDiskFailure(error);
      this.#carryOutReads(batch, now);
      return;
    }
    const keep = (entry: EventEntry) => this.#backlog.add(entry);
    for (const request of batch) this.#carryOutReads([request], now, keep);
  }

  #carryOutReads(batch: readonly Request[], now: number, keep?: (entry: EventEntry) => void): void {
    const before = this.#outcomes.length;
    try {
      this.#parts.store.read((reader) => {
        for (const request of batch) {
          const outcome = this.#carryOut(request, reader, undefined, now);
          if (keep !== undefined) this.#trace(request, outcome, now, keep);
          this.#outcomes.push(outcome);
        }
      });
    } catch (error) {
      this.#failedBatches.error({ err: error, requests: batch.length }, 'reads failed');
      this.#outcomes.splice(before, batch.length, ...batch.map(() => failure));
    }
  }

  /** Whether every request for this command leaves an event. */
  #isTraced({ frame }: Request): boolean {
    return this.#parts.registry.find(frame.header.commandGroup, frame.header.command)?.trace !== undefined;
  }

  #carryOutTraced(request: Request, writer: Writer, now: number): Outcome {
    const outcome = this.#carryOut(request, writer, writer, now);
    this.#trace(request, outcome, now, (entry) => writer.events.append(entry));
    const { keyId, fetched } = outcome.trace;
    if (fetched === true && keyId !== undefined && this.#parts.facts.keysSingleUse) writer.chatKeys.remove(keyId);
    return outcome;
  }

  /** Hands the event of a traced request to `keep`. */
  #trace(request: Request, outcome: Outcome, now: number, keep: (entry: EventEntry) => void): void {
    const { header } = request.frame;
    const { trace } = outcome;
    const command = this.#parts.registry.find(header.commandGroup, header.command);
    if (command?.trace === undefined || outcome.unrecorded === true) return;
    keep({
      time: now,
      action: command.name,
      status: outcome.status,
      reason: outcome.reason,
      encryptionType: header.encryptionType,
      encryptionCoins: header.coins,
      address: request.client.address,
      claimedCoin: trace.claimedCoin,
      keyId: trace.keyId,
      fetched: trace.fetched,
      reconstructions: trace.reconstructions,
    });
  }

  /** Opens, parses and executes one request. Whatever goes wrong is a status; only a lost transaction is thrown. */
  #carryOut(request: Request, reader: Reader, writer: Writer | undefined, now: number): Outcome {
    const { frame } = request;
    const command = this.#parts.registry.find(frame.header.commandGroup, frame.header.command);
    let opened: OpenedBody | undefined;
    let trace = nothingTraced;
    const limited = this.#safeguards.limit(command, request.client);
    if (limited !== undefined) return turnedAway(limited);
    try {
      if (frame.refused !== undefined) throw new Refusal(frame.refused, 'header');
      if (command === undefined) throw new Refusal(Status.INVALID_COMMAND, 'header');
      opened = this.#opener.open(frame, command, reader);
      demandSize(frame.header, command);
      const identity = this.#safeguards.identityOf(frame, command);
      const repeated = this.#safeguards.repeated(identity, reader, now);
      if (repeated !== undefined) return again(repeated, opened);
      const input = command.parse(opened.payload);
      trace = command.trace?.(input, undefined) ?? nothingTraced;
      const limitedCoin = this.#safeguards.limitCoin(trace.claimedCoin, request.client);
      if (limitedCoin !== undefined) return { ...turnedAway(limitedCoin), opened };
      this.#demandDisk(command, writer);
      const output = execute(command, input, this.#callFor(frame.header, now), reader, writer);
      const { status, payload } = command.encode(output);
      if (identity !== undefined)
        writer?.replays.remember(identity, { time: now, status, payload }, command.access === 'write');
      return { status, payload, reason: undefined, opened, trace: command.trace?.(input, output) ?? nothingTraced };
    } catch (error) {
      const { status, reason } = this.#statusOf(error, command);
      this.#safeguards.noticeRefusal(command, reason, request.client);
      writer?.assertActive(error);
      return { status, payload: emptyPayload, reason, opened, trace };
    }
  }

  /** Refuses what the disk cannot take: after the envelope proved sound, so that the refusal is signed (RP-5). */
  #demandDisk(command: Command, writer: Writer | undefined): void {
    if (this.#failedDisk && command.trace !== undefined) throw new Refusal(Status.FILESYSTEM, 'disk-failed');
    if (command.access === 'read') return;
    if (writer === undefined) throw new Refusal(Status.FILESYSTEM, 'storage');
    if (!this.acceptsWrites) throw new Refusal(Status.FILESYSTEM, 'disk-nearly-full');
  }

  #callFor(header: RequestHeader, now: number): Call {
    const { random, facts } = this.#parts;
    const { encryptionType, nonce, coins } = header;
    return { now, random, encryptionType, nonce, coins, node: facts };
  }

  #statusOf(error: unknown, command: Command | undefined): { status: Status; reason: string } {
    if (error instanceof Refusal) return error;
    this.#failedRequests.error({ err: error, command: command?.name }, 'request failed');
    if (error instanceof DamagedRow) this.#parts.observer?.damaged();
    return isStorageFailure(error)
      ? { status: Status.FILESYSTEM, reason: 'storage' }
      : { status: Status.INTERNAL, reason: 'internal' };
  }

  #answer(request: Request, outcome: Outcome, doneAtMs: number): Answer {
    const { facts, observer, registry } = this.#parts;
    const { header } = request.frame;
    const durationMs = doneAtMs - request.receivedAtMs;
    this.#requests += 1;
    if (observer !== undefined) {
      const name = registry.find(header.commandGroup, header.command)?.name ?? 'unknown';
      observer.answered(name, outcome.status, durationMs, outcome.reason);
    }
    if (outcome.reason !== undefined) {
      this.#failures += 1;
      const { reason, status } = outcome;
      this.#refusals.info({ command: header.command, status: statusName(status), reason }, 'request refused');
    }
    const { status, payload, opened } = outcome;
    const executionTimeUs = Math.round(durationMs * 1_000);
    const reply = { raidaId: facts.raidaId, status, payload, executionTimeUs, opened };
    return { request: header, reply, receiver: request.client };
  }
}

function execute(command: Command, input: unknown, call: Call, reader: Reader, writer: Writer | undefined): unknown {
  if (command.access === 'read') return command.execute(input, reader, call);
  if (writer === undefined) throw new Error(`${command.name} writes and was given no writer`);
  if (!command.needsSavepoint) return command.execute(input, writer, call);
  return writer.savepoint(() => command.execute(input, writer, call));
}
