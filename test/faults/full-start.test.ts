import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { run, serve } from '../support/cli.ts';
import { buildRequest, coinBytes, getPayload, postPayload } from '../support/wire.ts';
import { Asker } from './support/asker.ts';
import { fill, lacksRoot, nodeOnSmallDisk } from './support/small-disk.ts';

/** A node starts and ends on a disk without room: it says so in one line, it stops when told to, and nothing is lost. */
const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const endsWithinMs = 2_000;
const patienceMs = 10_000;
const noMargin = ['--set', 'storage.min_free_bytes=0'];

function keyIdOf(number: number): Buffer {
  const keyId = Buffer.alloc(16);
  keyId.writeUInt32BE(number + 1, 12);
  return keyId;
}

const postOf = (number: number) =>
  buildRequest({
    group: 4,
    command: 41,
    payload: postPayload(keyIdOf(number), coinBytes(1, 300), Buffer.alloc(128, 7), 0, 127),
  });

const getOf = (number: number) => buildRequest({ group: 4, command: 43, payload: getPayload(keyIdOf(number)) });

interface Attempt {
  readonly code: number | null;
  readonly stderr: string;
  /** Whether it served after all, and was stopped by us. */
  readonly served: boolean;
}

/** Starts a node that is expected to give up. */
function attemptToServe(directory: string): Promise<Attempt> {
  const words = [main, 'serve', '--data', directory, '--host', '127.0.0.1', '--port', '0'];
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  let stderr = '';
  let served = false;
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  child.stdout.on('data', (chunk) => {
    served ||= String(chunk).includes('listening');
    if (served) child.kill('SIGTERM');
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), patienceMs);
  return new Promise((resolve) => {
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ code, stderr, served });
    });
  });
}

/** Posts until the disk takes nothing more; how many were taken. */
async function postUntilFull(asker: Asker): Promise<number> {
  let taken = 0;
  for (let refused = 0, number = 0; refused < 30 && number < 40_000; number += 1) {
    if ((await asker.status(postOf(number))) === 250) taken = number + 1;
    else refused += 1;
  }
  return taken;
}

describe('on a full disk', () => {
  it('a node does not start, and says in one line that there is no room', async () => {
    if (lacksRoot('a start on a full disk')) return;
    const { folder, directory } = nodeOnSmallDisk(6_000_000);
    const empty = fill(folder);
    const { code, stderr, served } = await attemptToServe(directory);
    process.stdout.write(`a start on a full disk: exit ${code}, "${stderr.trimEnd()}"\n`);
    expect.soft(served, 'served all the same').toBe(false);
    expect.soft(stderr.trimEnd().split('\n'), 'one line').toHaveLength(1);
    expect.soft(stderr, 'names the want').toMatch(/(?:full|space|room).*disk|disk.*(?:full|space|room)/i);
    expect.soft(stderr, 'names the place').toContain(directory);
    expect.soft(code).toBe(74);
    empty();
    const node = await serve(directory, noMargin);
    expect(await node.end('SIGTERM')).toMatchObject({ code: 0 });
    expect(run(['verify', '--data', directory]).code).toBe(0);
  });

  it('a node ends when told to, and starts again with all that it had acknowledged', async () => {
    if (lacksRoot('an end on a full disk')) return;
    const { folder, directory } = nodeOnSmallDisk(6_000_000);
    const node = await serve(directory, noMargin);
    const empty = fill(folder, 3_500_000);
    const asker = new Asker(node.port);
    const taken = await postUntilFull(asker);
    fill(folder);
    asker.close();
    const { code, durationMs } = await node.end('SIGTERM');
    process.stdout.write(`SIGTERM on a full disk after ${taken} posts: exit ${code} in ${durationMs.toFixed(0)} ms\n`);
    expect.soft(code).toBe(0);
    expect.soft(durationMs).toBeLessThan(endsWithinMs);
    empty();
    const again = await serve(directory, noMargin);
    const second = new Asker(again.port);
    let missing = 0;
    for (let number = 0; number < taken; number += 1) if ((await second.status(getOf(number))) !== 250) missing += 1;
    second.close();
    expect(missing, 'acknowledged and gone').toBe(0);
    expect(await again.end('SIGTERM')).toMatchObject({ code: 0 });
    expect(run(['verify', '--data', directory]).code).toBe(0);
  });
});
