import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { buildRequest, coinBytes, postPayload } from '../../support/wire.ts';

const program = fileURLToPath(new URL('load-poster.mjs', import.meta.url));
const request = buildRequest({
  group: 4,
  command: 41,
  payload: postPayload(Buffer.alloc(16), coinBytes(1, 300), Buffer.alloc(128, 5), 0, 40),
});

export interface PosterReport {
  /** The numbers of all posts that are acknowledged. */
  readonly acknowledged: readonly number[];
  /** Of the posts answered since the last report, from when they were due, in order of size; none at full pace. */
  readonly durationsMs: readonly number[];
  /** Statuses other than 250 since the last report. */
  readonly unexpected: readonly number[];
}

type Raw = Omit<PosterReport, 'acknowledged'> & { readonly acknowledged: readonly number[] };

/** A client in a process of its own that posts new keys, so many a second or as fast as the node answers. */
export class Poster {
  readonly #child: ChildProcess;
  readonly #lines: Interface;

  readonly #first: number;

  /** `first` is the number of its first key; no number is posted twice. */
  constructor(port: number, pace: number | 'full', first = 0) {
    const words = [program, port, request.toString('hex'), pace, first].map(String);
    const child = spawn(process.execPath, words, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#first = first;
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout });
    onTestFinished(() => this.stop());
  }

  async report(): Promise<PosterReport> {
    const answer = once(this.#lines, 'line');
    this.#child.stdin?.write('\n');
    const [line] = (await answer) as [string];
    const { acknowledged: counts, ...rest } = JSON.parse(line) as Raw;
    const acknowledged = counts.flatMap((count, connection) =>
      Array.from({ length: count }, (_, each) => this.#first + connection + each * counts.length),
    );
    return { acknowledged, ...rest };
  }

  stop(): void {
    this.#child.kill('SIGKILL');
  }
}

/** The key id of a post, as load-poster.mjs makes it. */
export function postedKeyId(number: number): Buffer {
  const keyId = Buffer.alloc(16);
  keyId.writeUInt32BE(Math.imul(number, 0x9e3779b1) >>> 0, 0);
  keyId.writeUInt32BE(number, 12);
  return keyId;
}
