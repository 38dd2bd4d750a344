import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'vitest';
import { temporaryFolder } from '../../support/harness.ts';

const meter = new URL('heap-meter.mjs', import.meta.url).href;

/** Bytes of this process's heap that are still in use after a collection. */
export function heapHere(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}

/** The same of a node that was started with this environment. */
export class HeapMeter {
  readonly #file = join(temporaryFolder(), 'heap');
  readonly environment: NodeJS.ProcessEnv = { NODE_OPTIONS: `--import=${meter}`, HEAP_FILE: this.#file };

  async of(pid: number): Promise<number> {
    const before = this.#lines().length;
    process.kill(pid, 'SIGUSR2');
    await expect.poll(() => this.#lines().length, { timeout: 10_000 }).toBeGreaterThan(before);
    return Number(this.#lines().at(-1));
  }

  #lines(): string[] {
    return existsSync(this.#file) ? readFileSync(this.#file, 'utf8').split('\n').slice(0, -1) : [];
  }
}
