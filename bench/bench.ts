import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { Child } from './child.ts';
import { copyNode, type FixtureSize, makeNode } from './fixture.ts';
import type { Options } from './options.ts';
import type { BareServerCalls } from './processes/bare-server.ts';
import type { ComputationCalls } from './processes/computation-alone.ts';
import type { LoadCalls } from './processes/load-generator.ts';

/** Keys that every node holds from the start, so that there is something to fetch. */
export const baseKeys = 10_000;

/** Its engine's own work is to take at most one processor from those that are measured. */
const loadFlags = ['--expose-gc', '--v8-pool-size=1'];

/** What all measurements share: the load generator, the bare server, a place for databases. */
export class Bench {
  readonly options: Options;
  readonly load: Child<LoadCalls>;
  readonly bare: Child<BareServerCalls>;
  readonly barePort: number;
  readonly computation = Child.start<ComputationCalls>('computation-alone');
  /** On a real disk, because syncs in memory cost nothing. */
  readonly directory: string;
  readonly #beganMs = performance.now();
  #directories = 0;

  static async start(options: Options, root: string): Promise<Bench> {
    mkdirSync(root, { recursive: true });
    const directory = mkdtempSync(join(root, 'databases-'));
    process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
    makeNode(join(directory, 'base'), { keys: baseKeys, pages: 0 });
    const bare = Child.start<BareServerCalls>('bare-server');
    const load = Child.start<LoadCalls>('load-generator', loadFlags);
    return new Bench(options, directory, load, bare, await bare.call('listen', undefined));
  }

  private constructor(
    options: Options,
    directory: string,
    load: Child<LoadCalls>,
    bare: Child<BareServerCalls>,
    barePort: number,
  ) {
    this.options = options;
    this.directory = directory;
    this.load = load;
    this.bare = bare;
    this.barePort = barePort;
  }

  newDirectory(): string {
    this.#directories += 1;
    return join(this.directory, `node-${this.#directories}`);
  }

  /** A node's directory in its first state. */
  copyBase(): string {
    const directory = this.newDirectory();
    copyNode(join(this.directory, 'base'), directory);
    return directory;
  }

  /** A node's directory with so many keys and pages; the first time it takes a while. */
  copyGrown(size: FixtureSize): string {
    const original = join(this.directory, `grown-${size.keys}-${size.pages}`);
    if (!existsSync(original)) {
      this.progress(`making a node with ${size.keys} keys and ${size.pages} pages`);
      makeNode(original, size);
    }
    const directory = this.newDirectory();
    copyNode(original, directory);
    return directory;
  }

  wants(name: string): boolean {
    return this.options.pattern.test(name);
  }

  progress(text: string): void {
    const seconds = ((performance.now() - this.#beganMs) / 1_000).toFixed(0).padStart(4);
    process.stderr.write(`${seconds} s  ${text}\n`);
  }

  async stop(): Promise<void> {
    await Promise.all([this.load.stop(), this.bare.stop(), this.computation.stop()]);
  }
}
