import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { run, type Served, serve } from '../support/cli.ts';
import { makeNode, openBeside } from '../support/harness.ts';
import { buildRequest, coinBytes, getPayload, postPayload } from '../support/wire.ts';
import { Asker } from './support/asker.ts';
import { fill, lacksRoot, nodeOnSmallDisk } from './support/small-disk.ts';

/**
 * A disk without room: what writes is refused with 194 and nothing else, what reads is answered, and work resumes by itself
 * within 5 s of room coming back. Every request then has its event, and everything acknowledged is there.
 */
const resumesWithinMs = 5_000;
const settledAfterMs = 700;
const refusedForMs = 2_500;
const filesystemStatus = 194;
const known = Buffer.alloc(16, 0xaa);
const get = buildRequest({ group: 4, command: 43, payload: getPayload(known) });
const echo = buildRequest({ group: 0, command: 0 });
const noMargin = ['--set', 'storage.min_free_bytes=0'];

function keyIdOf(number: number): Buffer {
  const keyId = Buffer.alloc(16);
  keyId.writeUInt32BE(number + 1, 12);
  return keyId;
}

const postOf = (keyId: Buffer) =>
  buildRequest({ group: 4, command: 41, payload: postPayload(keyId, coinBytes(1, 300), Buffer.alloc(128, 7), 0, 127) });

function countEvents(directory: string, condition: string): number {
  return openBeside(directory).prepare(`SELECT count(*) FROM events WHERE ${condition}`).pluck().get() as number;
}

/** What a client knows of the node before, during and after the want. */
class Witness {
  readonly #asker: Asker;
  #posts = 0;
  #asked = 0;
  readonly acknowledged: Buffer[] = [];

  constructor(port: number) {
    this.#asker = new Asker(port);
  }

  /** One key posted; its status. */
  async post(keyId = keyIdOf(this.#posts++)): Promise<number> {
    this.#asked += 1;
    const status = await this.#asker.status(postOf(keyId));
    if (status === 250) this.acknowledged.push(keyId);
    return status;
  }

  async expectReads(): Promise<void> {
    this.#asked += 1;
    expect(await this.#asker.status(get), 'reads go on').toBe(250);
    expect(await this.#asker.status(echo), 'an echo needs no disk').toBe(250);
  }

  /** Posts until none has been taken for a while: a checkpoint may still make some room. */
  async postUntilRefused(): Promise<void> {
    let takenAt = performance.now();
    for (let count = 0; count < 40_000 && performance.now() - takenAt < settledAfterMs; count += 1) {
      const status = await this.post();
      if (status === 250) {
        takenAt = performance.now();
        continue;
      }
      expect(status).toBe(filesystemStatus);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(performance.now() - takenAt, 'the disk became full').toBeGreaterThanOrEqual(settledAfterMs);
  }

  /** For a while every post is refused and every read answered. Returns how many posts that were. */
  async expectRefusals(): Promise<number> {
    let refused = 0;
    for (const began = performance.now(); performance.now() - began < refusedForMs; refused += 1) {
      expect(await this.post()).toBe(filesystemStatus);
      await this.expectReads();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return refused;
  }

  /** Milliseconds until a post is taken again. */
  async resumedAfterMs(): Promise<number> {
    const began = performance.now();
    while (performance.now() - began < resumesWithinMs + 2_000) {
      const status = await this.post();
      if (status === 250) return performance.now() - began;
      expect(status).toBe(filesystemStatus);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return Number.POSITIVE_INFINITY;
  }

  /** Everything acknowledged is there, every request has its event, and the node ends in peace. */
  async expectWhole(node: Served, directory: string): Promise<void> {
    for (const keyId of this.acknowledged.filter((_, index) => index % 20 === 0)) {
      const reply = buildRequest({ group: 4, command: 43, payload: getPayload(keyId) });
      this.#asked += 1;
      expect(await this.#asker.status(reply)).toBe(250);
    }
    this.#asker.close();
    expect(await node.end('SIGTERM')).toMatchObject({ code: 0 });
    const { stdout, code } = run(['verify', '--data', directory]);
    expect(code, stdout).toBe(0);
    const events = countEvents(directory, "action IN ('post-key', 'get-key')");
    expect(events, 'an event for each request').toBe(this.#asked);
  }
}

function report(what: string, node: Served, refused: number, resumedMs: number): void {
  const lines = node.log().split('\n');
  process.stdout.write(
    `${what}: ${refused} writes refused in ${refusedForMs} ms, taken again after ${resumedMs.toFixed(0)} ms, ${lines.length} log lines\n`,
  );
  expect.soft(resumedMs, 'resumes by itself').toBeLessThan(resumesWithinMs);
  expect.soft(lines.length, 'log lines').toBeLessThan(400);
}

describe('a full disk', () => {
  it('refuses writes, answers reads and comes back by itself', async () => {
    if (lacksRoot('a disk that is full')) return;
    const { folder, directory } = nodeOnSmallDisk(6_000_000);
    const node = await serve(directory, noMargin);
    const witness = new Witness(node.port);
    expect(await witness.post(known)).toBe(250);
    const empty = fill(folder, 3_500_000);
    await witness.postUntilRefused();
    const refused = await witness.expectRefusals();
    empty();
    report('a full disk', node, refused, await witness.resumedAfterMs());
    await witness.expectWhole(node, directory);
  });

  it('is not waited for: below the margin writes are refused, and their events recorded', async () => {
    if (lacksRoot('a disk that is nearly full')) return;
    const { folder, directory } = nodeOnSmallDisk(64_000_000);
    const node = await serve(directory);
    const witness = new Witness(node.port);
    expect(await witness.post(known)).toBe(250);
    const empty = fill(folder, 40_000_000);
    await witness.postUntilRefused();
    const refused = await witness.expectRefusals();
    expect(countEvents(directory, "reason = 'disk-nearly-full'")).toBeGreaterThanOrEqual(refused);
    empty();
    report('a nearly full disk', node, refused, await witness.resumedAfterMs());
    await witness.expectWhole(node, directory);
  });

  it('in the form of a limit on the size of files', async () => {
    const directory = makeNode();
    const under = ['bash', '-c', 'ulimit -S -f 1500; exec "$@"', 'bash'];
    const node = await serve(directory, noMargin, { under });
    const witness = new Witness(node.port);
    expect(await witness.post(known)).toBe(250);
    await witness.postUntilRefused();
    const refused = await witness.expectRefusals();
    execFileSync('prlimit', ['--pid', String(node.pid), '--fsize=unlimited:']);
    report('a limit on file sizes', node, refused, await witness.resumedAfterMs());
    await witness.expectWhole(node, directory);
  });

  it('for some writes in the middle of work', async () => {
    const directory = makeNode();
    const injected = ['-e', 'trace=pwrite64', '-e', 'inject=pwrite64:error=ENOSPC:when=400..700'];
    const node = await serve(directory, noMargin, { under: ['strace', '-f', '-qq', '-o', '/dev/null', ...injected] });
    const witness = new Witness(node.port);
    expect(await witness.post(known)).toBe(250);
    await witness.postUntilRefused();
    await witness.expectReads();
    report('some failed writes', node, 1, await witness.resumedAfterMs());
    await witness.expectWhole(node, directory);
  });
});
