import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { databaseFileName } from '../src/storage/data-directory.ts';
import { openDatabaseReadOnly } from '../src/storage/database.ts';
import { commands, type WireCase } from './cases.ts';
import { Child } from './child.ts';
import type { NodeCalls } from './processes/node.ts';
import type { NodeMeasurement } from './processes/node-probes.ts';

interface Counts {
  readonly keys: number;
  /** The newest event. */
  readonly sequence: number;
  /** Events of each action, where they are newer than asked for. */
  readonly events: ReadonlyMap<string, number>;
}

/** A node in a process of its own, halted whenever it is not measured; and the memory of what it has acknowledged. */
export class MeasuredNode {
  readonly directory: string;
  readonly port: number;
  /** Milliseconds from the start of the process until it listens. */
  readonly readyMs: number;
  readonly #child: Child<NodeCalls>;
  readonly #before: Counts;
  readonly #acknowledged = new Map<string, number>();

  static async start(directory: string): Promise<MeasuredNode> {
    const before = countRows(directory, Number.MAX_SAFE_INTEGER);
    const began = performance.now();
    const child = Child.start<NodeCalls>('node', ['--expose-gc', '--max-semi-space-size=8', '--v8-pool-size=1']);
    const port = await child.call('serve', directory);
    return new MeasuredNode(directory, port, performance.now() - began, child, before);
  }

  private constructor(directory: string, port: number, readyMs: number, child: Child<NodeCalls>, before: Counts) {
    this.directory = directory;
    this.port = port;
    this.readyMs = readyMs;
    this.#child = child;
    this.#before = before;
  }

  pause(): void {
    this.#child.pause();
  }

  resume(): void {
    this.#child.resume();
  }

  /** Runs the work while the node runs and is looked at. */
  async measure<T>(work: () => Promise<T>): Promise<{ result: T; measurement: NodeMeasurement }> {
    this.resume();
    await this.#child.call('beginMeasurement', undefined);
    const result = await work();
    const measurement = await this.#child.call('endMeasurement', undefined);
    this.pause();
    return { result, measurement };
  }

  async profile(file: string, work: () => Promise<unknown>): Promise<void> {
    this.resume();
    await this.#child.call('beginProfile', undefined);
    await work();
    await this.#child.call('endProfile', file);
    this.pause();
  }

  async residentBytes(): Promise<number> {
    this.resume();
    return this.#child.call('residentBytes', undefined);
  }

  acknowledge({ command }: WireCase, count: number): void {
    const { action } = commands[command];
    if (action !== undefined) this.#acknowledged.set(action, (this.#acknowledged.get(action) ?? 0) + count);
  }

  /** Throws unless everything that the node has acknowledged is in its database: keys and events. */
  assertNothingLost(): void {
    const now = countRows(this.directory, this.#before.sequence);
    for (const [action, acknowledged] of this.#acknowledged) {
      const events = now.events.get(action) ?? 0;
      if (events < acknowledged)
        throw new Error(`${acknowledged} times ${action} acknowledged, ${events} events found`);
    }
    const keys = now.keys - this.#before.keys;
    if (keys < this.posted) throw new Error(`${this.posted} keys acknowledged, ${keys} found`);
  }

  /** Keys posted and acknowledged. */
  get posted(): number {
    return this.#acknowledged.get('post-key') ?? 0;
  }

  async stop(): Promise<void> {
    this.resume();
    await this.#child.call('stop', undefined);
    await this.#child.stop();
    this.assertNothingLost();
  }
}

function countRows(directory: string, afterEvent: number): Counts {
  const database = openDatabaseReadOnly(join(directory, databaseFileName));
  try {
    const keys = database.prepare<[], number>('SELECT count(*) FROM chat_keys').pluck().get() ?? 0;
    const sequence = database.prepare<[], number>('SELECT max(sequence) FROM events').pluck().get() ?? 0;
    const events = database
      .prepare<[number], [string, number]>('SELECT action, count(*) FROM events WHERE sequence > ? GROUP BY action')
      .raw();
    return { keys, sequence, events: new Map(events.all(afterEvent)) };
  } finally {
    database.close();
  }
}
