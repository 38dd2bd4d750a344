import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import SqliteDatabase from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { Store } from '../../src/storage/store.ts';
import { run, serve } from '../support/cli.ts';
import { makeNode } from '../support/harness.ts';
import { LoopDisk } from './support/loop-disk.ts';
import { idsOf, postWithoutPause } from './support/poster.ts';
import { randomFrom } from './support/random.ts';
import { lacksRoot } from './support/small-disk.ts';
import { weakerSync } from './support/weaker-sync.ts';

/**
 * A second opinion on power cuts, from a real file system: its disk is copied at random moments under load, and everything
 * acknowledged until then is on the copy. The control syncs less, and must lose something.
 */
const scale = Number(process.env.FAULT_SCALE ?? '1');
const seed = Number(process.env.FAULT_SEED ?? Date.now() % 1_000_000);
const rounds = Math.max(5, Math.round(30 * scale));
const controlRounds = 5;
const diskSize = 256_000_000;
const connections = 4;
const roundMsMin = 30;
const roundMsMax = 400;
/** After it all that a stopped node has sent is in our hands. */
const drainMs = 60;
const progressEvery = 5;

const pause = (durationMs: number) => new Promise((resolve) => setTimeout(resolve, durationMs));

interface Outcome {
  cuts: number;
  acknowledged: number;
  /** Acknowledged posts that are not on the disk, over all cuts. */
  missing: number;
  /** Cuts after which `verify` finds fault or the node does not open its database. */
  unsound: number;
}

/** Stops a process for the moment, and waits until each of its threads stands still. */
async function freeze(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  const stands = (task: string) => /\) T /.test(readFileSync(`/proc/${pid}/task/${task}/stat`, 'utf8'));
  while (!readdirSync(`/proc/${pid}/task`).every(stands)) await pause(1);
}

function judge(directory: string, acknowledged: ReadonlySet<number>, outcome: Outcome): void {
  outcome.cuts += 1;
  outcome.acknowledged = acknowledged.size;
  try {
    const { code, stdout, stderr } = run(['verify', '--data', directory]);
    if (code !== 0) throw new Error(`verify ended with ${code}: ${stdout}${stderr}`);
    Store.open(directory).close();
  } catch (error) {
    outcome.unsound += 1;
    process.stdout.write(`power cut ${outcome.cuts}: ${(error as Error).message.trim()}\n`);
  }
  const stored = storedIn(directory);
  outcome.missing += [...acknowledged].filter((id) => !stored.has(id)).length;
}

function storedIn(directory: string): Set<number> {
  try {
    const database = new SqliteDatabase(join(directory, 'node.db'));
    try {
      return idsOf(database.prepare('SELECT key_id FROM chat_keys').pluck().all() as Buffer[]);
    } finally {
      database.close();
    }
  } catch {
    return new Set();
  }
}

/** Undefined where such disks cannot be had. */
async function cutPower(cuts: number, mode?: string): Promise<Outcome | undefined> {
  const disk = lacksRoot('a power cut of a real file system') ? undefined : LoopDisk.make(diskSize);
  if (disk === undefined) return undefined;
  const directory = join(disk.folder, 'node');
  cpSync(makeNode(), directory, { recursive: true });
  disk.settle();
  const node = await serve(directory, [], { environment: weakerSync(mode) });
  const acknowledged = new Set<number>();
  let id = 0;
  const nextId = () => ++id;
  const loads = Array.from({ length: connections }, () => postWithoutPause(node.port, nextId, acknowledged));
  const random = randomFrom(seed);
  const outcome: Outcome = { cuts: 0, acknowledged: 0, missing: 0, unsound: 0 };
  while (outcome.cuts < cuts) {
    await pause(roundMsMin + random(roundMsMax - roundMsMin));
    await freeze(node.pid);
    await pause(drainMs);
    disk.afterPowerCut((folder) => judge(join(folder, 'node'), acknowledged, outcome));
    process.kill(node.pid, 'SIGCONT');
    if (outcome.cuts % progressEvery === 0)
      process.stdout.write(`power cuts on ext4, ${mode ?? 'FULL'}: ${JSON.stringify(outcome)}\n`);
  }
  await node.end('SIGKILL');
  await Promise.all(loads);
  return outcome;
}

describe(`power cuts on ext4, seed ${seed}`, () => {
  it(`${rounds} lose nothing acknowledged`, async () => {
    const outcome = await cutPower(rounds);
    if (outcome === undefined) return;
    expect(outcome).toMatchObject({ cuts: rounds, missing: 0, unsound: 0 });
    expect(outcome.acknowledged).toBeGreaterThan(rounds * 50);
  });

  it('lose acknowledged work under OFF (control)', async () => {
    const outcome = await cutPower(controlRounds, 'OFF');
    if (outcome === undefined) return;
    expect(outcome.missing).toBeGreaterThan(0);
  });
});
