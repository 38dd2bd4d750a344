import type { Bench } from './bench.ts';
import { commands, depthOf, type WireCase } from './cases.ts';
import { Child } from './child.ts';
import { type Contender, leadInSeconds, type NodeContender, type Sample } from './contenders.ts';
import { replyShape } from './packets.ts';
import type { SqliteCalls } from './processes/sqlite-alone.ts';

/** The bare server under the same load; its packets need not be new ones. */
export class BareContender implements Contender {
  readonly name = 'bare server';
  readonly #bench: Bench;
  readonly #wireCase: WireCase;
  readonly #storedKeys: number;

  constructor(bench: Bench, wireCase: WireCase, storedKeys: number) {
    this.#bench = bench;
    this.#wireCase = wireCase;
    this.#storedKeys = storedKeys;
  }

  async round(seconds: number): Promise<Sample> {
    const { bare, barePort, load } = this.#bench;
    const { command, mode, connections } = this.#wireCase;
    await bare.call('answer', replyShape(this.#wireCase));
    const packets = await load.call('prepare', {
      wireCase: this.#wireCase,
      count: Math.max(Math.min(commands[command].perSecond, bareRequests), 2 * connections * depthOf(mode)),
      storedKeys: this.#storedKeys,
      again: true,
    });
    await bare.call('beginMeasurement', undefined);
    const { rate } = await load.call('saturate', {
      packets,
      port: barePort,
      mode,
      connections,
      leadInSeconds,
      seconds,
    });
    const { requests, cpuUs } = await bare.call('endMeasurement', undefined);
    return { rate, cpuUs: cpuUs / requests };
  }
}

/** better-sqlite3 alone, repeating the transactions that the node has just made. */
export class SqliteContender implements Contender {
  readonly name = 'better-sqlite3 alone';
  readonly #child = Child.start<SqliteCalls>('sqlite-alone');
  readonly #subject: NodeContender;
  readonly #storedKeys: number;

  static async start(directory: string, subject: NodeContender, storedKeys: number): Promise<SqliteContender> {
    const contender = new SqliteContender(subject, storedKeys);
    await contender.#child.call('open', directory);
    return contender;
  }

  private constructor(subject: NodeContender, storedKeys: number) {
    this.#subject = subject;
    this.#storedKeys = storedKeys;
  }

  async round(): Promise<Sample> {
    const { batches, wireCase } = this.#subject;
    const { command } = wireCase;
    return { rate: await this.#child.call('replay', { command, batches, storedKeys: this.#storedKeys }) };
  }

  stop(): Promise<void> {
    return this.#child.stop();
  }
}

/** A bare server that commits each request with better-sqlite3, for a client that asks one at a time. */
export class CommittingContender implements Contender {
  readonly name = 'a bare server that commits each';
  readonly #bench: Bench;
  readonly #wireCase: WireCase;
  readonly #storedKeys: number;
  readonly #child = Child.start<SqliteCalls>('sqlite-alone');
  #port = 0;

  static async start(bench: Bench, wireCase: WireCase, storedKeys: number): Promise<CommittingContender> {
    const contender = new CommittingContender(bench, wireCase, storedKeys);
    await contender.#child.call('open', bench.copyBase());
    const task = { command: wireCase.command, storedKeys, reply: replyShape(wireCase) };
    contender.#port = await contender.#child.call('serve', task);
    return contender;
  }

  private constructor(bench: Bench, wireCase: WireCase, storedKeys: number) {
    this.#bench = bench;
    this.#wireCase = wireCase;
    this.#storedKeys = storedKeys;
  }

  async round(seconds: number): Promise<Sample> {
    const { load } = this.#bench;
    const { mode, connections } = this.#wireCase;
    const task = { wireCase: this.#wireCase, count: bareRequests, storedKeys: this.#storedKeys, again: true };
    const packets = await load.call('prepare', task);
    const plan = { packets, port: this.#port, mode, connections, leadInSeconds, seconds };
    const { rate } = await load.call('saturate', plan);
    return { rate };
  }

  stop(): Promise<void> {
    return this.#child.stop();
  }
}

const bareRequests = 4_000;
const computationSeconds = 0.05;

/** The ciphers, checksums and hashes of a case without anything around them. */
export class ComputationContender implements Contender {
  readonly name = 'its AES, CRC and hashes alone';
  readonly #bench: Bench;
  readonly #wireCase: WireCase;

  constructor(bench: Bench, wireCase: WireCase) {
    this.#bench = bench;
    this.#wireCase = wireCase;
  }

  async round(): Promise<Sample> {
    const { type, command } = this.#wireCase;
    const { action, requestPayloadSize, replyPayloadSize } = commands[command];
    const rate = await this.#bench.computation.call('compute', {
      type,
      requestSize: requestPayloadSize,
      replySize: replyPayloadSize,
      traced: action !== undefined,
      seconds: computationSeconds,
    });
    return { rate };
  }
}
