import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { run } from '../support/cli.ts';
import { makeNode, openBeside, talk, temporaryFolder } from '../support/harness.ts';
import { buildRequest, postPayload } from '../support/wire.ts';

/** Seen from the kernel: replies leave after a sync of the WAL, and after a failed sync nothing is acknowledged. Needs strace. */
const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

interface Traced {
  readonly port: number;
  readonly ended: Promise<number | null>;
  readonly log: string[];
  readonly traceFile: string;
  stop(): void;
}

async function serveUnderStrace(directory: string, options: readonly string[]): Promise<Traced> {
  expect(spawnSync('strace', ['--version']).status, 'strace is installed').toBe(0);
  const traceFile = join(temporaryFolder(), 'trace');
  const words = ['-f', '-qq', '-y', '-o', traceFile, ...options, process.execPath, main];
  const child = spawn('strace', [...words, 'serve', '--data', directory, '--host', '127.0.0.1', '--port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const stop = () => {
    try {
      process.kill(-(child.pid ?? 0), 'SIGKILL');
    } catch {}
  };
  onTestFinished(stop);
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const log: string[] = [];
  const port = await new Promise<number>((resolve) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      log.push(line);
      const entry = JSON.parse(line) as { msg: string; port: number };
      if (entry.msg === 'listening') resolve(entry.port);
    });
  });
  return { port, ended, log, traceFile, stop };
}

function post(id: number): Buffer {
  const keyId = Buffer.from(id.toString(16).padStart(32, '0'), 'hex');
  const payload = postPayload(keyId, Buffer.from('010000012c', 'hex'), Buffer.alloc(128), 0, 9);
  return buildRequest({ group: 4, command: 41, payload });
}

describe('sync', () => {
  it('of the WAL lies between its write and each of 1,000 replies', async () => {
    const calls = 'trace=pwrite64,fsync,fdatasync,write,writev,sendto,sendmsg';
    const node = await serveUnderStrace(makeNode(), ['-e', calls]);
    for (let id = 0; id < 1_000; id += 50) {
      for (let each = id; each < id + 50; each += 1) await talkOnce(node.port, post(each));
    }
    node.stop();
    await node.ended;
    const { replies, early } = repliesOf(readFileSync(node.traceFile, 'utf8'));
    expect(early).toEqual([]);
    expect(replies).toBeGreaterThanOrEqual(1_000);
  });

  it('that fails ends the node with 74 within a second, naming the cause, and every acknowledged key is there', async () => {
    const directory = makeNode();
    const inject = ['-e', 'trace=fsync,fdatasync', '-e', 'inject=fsync,fdatasync:error=EIO:when=20+'];
    const node = await serveUnderStrace(directory, inject);
    const acknowledged: number[] = [];
    let failedAtMs: number | undefined;
    for (let id = 1; id < 400 && failedAtMs === undefined; id += 1) {
      const status = await talkOnce(node.port, post(id)).catch(() => undefined);
      if (status === 250) acknowledged.push(id);
      else failedAtMs = performance.now();
    }
    expect(await node.ended).toBe(74);
    expect(performance.now() - (failedAtMs ?? 0)).toBeLessThan(1_000);
    expect(node.log.at(-1)).toContain('the disk failed to sync');
    expect(acknowledged.length).toBeGreaterThan(0);
    expect(run(['verify', '--data', directory]).code).toBe(0);
    const stored = openBeside(directory).prepare('SELECT count(*) FROM chat_keys').pluck().get();
    expect(stored).toBeGreaterThanOrEqual(acknowledged.length);
  });
});

/**
 * Replies of a trace, and those before which a write of the WAL was not synced. A sync covers what was written before it began;
 * where another thread comes between, strace tells of its beginning and its end in lines of their own.
 */
function repliesOf(trace: string): { replies: number; early: string[] } {
  const begun = new Map<string, number>();
  const early: string[] = [];
  let written = 0;
  let synced = 0;
  let replies = 0;
  for (const line of trace.split('\n')) {
    const [thread = ''] = line.split(' ', 1);
    if (/pwrite64\(\d+<[^>]*node\.db-wal>/.test(line)) written += 1;
    else if (/f(?:data)?sync\(\d+<[^>]*node\.db-wal>\)\s+= 0/.test(line)) synced = written;
    else if (/f(?:data)?sync\(\d+<[^>]*node\.db-wal> <unfinished/.test(line)) begun.set(thread, written);
    else if (/f(?:data)?sync resumed>\)\s+= 0/.test(line)) {
      synced = Math.max(synced, begun.get(thread) ?? 0);
      begun.delete(thread);
    } else if (/(?:write|writev|sendto|sendmsg)\(\d+<(?:socket|TCP)/.test(line)) {
      replies += 1;
      if (synced < written) early.push(line);
    }
  }
  return { replies, early };
}

/** One request on a connection of its own: its status. */
async function talkOnce(port: number, request: Buffer): Promise<number | undefined> {
  const { received } = await talk(port, [request], 32, 2_000);
  return received[2];
}
