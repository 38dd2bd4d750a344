import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import SqliteDatabase from 'better-sqlite3';
import { build } from 'rolldown';
import { beforeAll, describe, expect, it } from 'vitest';
import { anchorMismatch } from '../../src/storage/head-anchor.ts';
import { verifyDatabase } from '../../src/storage/verify.ts';
import { makeNode, temporaryFolder } from '../support/harness.ts';
import { randomFrom } from './support/random.ts';
import { Disk, readRecording } from './support/replayer.ts';
import { weakerSync } from './support/weaker-sync.ts';

/**
 * Power cuts at random moments of a recorded life: nothing acknowledged is lost, nothing is corrupt, every event chain is
 * whole. The controls run with weaker syncs and must lose something, or the harness would see nothing.
 */
const scale = Number(process.env.FAULT_SCALE ?? '1');
const seed = Number(process.env.FAULT_SEED ?? Date.now() % 1_000_000);
const support = fileURLToPath(new URL('support/', import.meta.url));
const built = fileURLToPath(new URL('../../dist/', import.meta.url));
const encryptionCoin = Buffer.concat([Buffer.from('09010006', 'hex'), Buffer.alloc(36), Buffer.alloc(400, 4)]);

function buildRecorder(): string {
  const library = join(built, 'recorder.so');
  execFileSync('gcc', ['-shared', '-fPIC', '-O1', '-o', library, join(support, 'recorder.c'), '-ldl', '-lpthread']);
  return library;
}

/** The driver as one file. It lies beside the built program, because from there it finds what it does not hold itself. */
async function buildDriver(): Promise<string> {
  const file = join(built, 'driver.mjs');
  const external = ['better-sqlite3', /^drizzle-orm/, 'prom-client'];
  await build({ input: join(support, 'driver.ts'), platform: 'node', external, output: { file } });
  return file;
}

interface Outcome {
  cuts: number;
  lost: number;
  corrupt: number;
  anchored: number;
}

function isSound(database: SqliteDatabase.Database): boolean {
  try {
    const parts = { structure: 'full', pages: true, keys: true, events: true, index: true } as const;
    return verifyDatabase(database, parts, () => undefined).faults.length === 0;
  } catch {
    return false;
  }
}

function keysIn(database: SqliteDatabase.Database): Set<number> {
  const ids = database.prepare('SELECT key_id FROM chat_keys').pluck().all() as Buffer[];
  return new Set(ids.map((id) => id.readUInt32BE(12)));
}

/** Records one life of a node and cuts it `cuts` times. */
function cutLife(life: number, cuts: number, weaker?: string): Outcome {
  const random = randomFrom(seed + life * 7_919);
  const directory = makeNode([], { '01.300.bin': encryptionCoin });
  const before = new Map(
    readdirSync(directory)
      .filter((name) => name !== 'coins')
      .map((name) => [name, readFileSync(join(directory, name))] as const),
  );
  const recording = join(temporaryFolder(), 'recording');
  const words = [driver, directory, String(seed + life), '120'];
  const ran = spawnSync(process.execPath, words, {
    env: {
      ...process.env,
      ...weakerSync(weaker),
      LD_PRELOAD: recorder,
      RECORD_DIR: directory,
      RECORD_FILE: recording,
      UV_USE_IO_URING: '0',
    },
    encoding: 'utf8',
  });
  if (ran.status !== 0) throw new Error(ran.stderr);
  const operations = readRecording(recording);
  const moments = Array.from({ length: cuts }, () => random(operations.length)).sort((one, other) => one - other);
  const outcome: Outcome = { cuts, lost: 0, corrupt: 0, anchored: 0 };
  const disk = new Disk(before, random);
  const folder = join(temporaryFolder(), 'cut');
  let position = 0;
  for (const moment of moments) {
    for (; position < moment; position += 1) {
      const operation = operations[position];
      if (operation !== undefined) disk.apply(operation);
    }
    disk.cutInto(folder);
    judge(folder, disk, outcome);
    rmSync(folder, { recursive: true, force: true });
  }
  return outcome;
}

function judge(folder: string, disk: Disk, outcome: Outcome): void {
  const { sequence, keys } = disk.acknowledged;
  const database = new SqliteDatabase(join(folder, 'node.db'));
  try {
    if (!isSound(database)) {
      outcome.corrupt += 1;
      return;
    }
    const stored = keysIn(database);
    const head = database.prepare('SELECT coalesce(max(sequence), 0) FROM events').pluck().get() as number;
    if (head < sequence || [...keys].some((key) => !stored.has(key))) outcome.lost += 1;
    if (anchorMismatch(folder, database) !== undefined) outcome.anchored += 1;
  } finally {
    database.close();
  }
}

function sum(outcomes: readonly Outcome[]): Outcome {
  return outcomes.reduce((total, each) => ({
    cuts: total.cuts + each.cuts,
    lost: total.lost + each.lost,
    corrupt: total.corrupt + each.corrupt,
    anchored: total.anchored + each.anchored,
  }));
}

function cutLives(lives: number, cutsPerLife: number, weaker?: string): Outcome {
  const outcomes = Array.from({ length: lives }, (_, life) => {
    const outcome = cutLife(life, cutsPerLife, weaker);
    process.stdout.write(`power cuts, ${weaker ?? 'FULL'}, life ${life + 1} of ${lives}: ${JSON.stringify(outcome)}\n`);
    return outcome;
  });
  return sum(outcomes);
}

let recorder = '';
let driver = '';

beforeAll(async () => {
  recorder = buildRecorder();
  driver = await buildDriver();
});

describe(`power cuts, seed ${seed}`, () => {
  it('lose nothing acknowledged and corrupt nothing', () => {
    const cuts = Math.max(30, Math.round(300 * scale));
    expect(cutLives(10, cuts)).toEqual({ cuts: cuts * 10, lost: 0, corrupt: 0, anchored: 0 });
  });

  it('lose acknowledged work under NORMAL (control)', () => {
    expect(cutLives(2, 60, 'NORMAL').lost).toBeGreaterThan(0);
  });

  it('lose or corrupt under OFF (control)', () => {
    const { lost, corrupt } = cutLives(2, 60, 'OFF');
    expect(lost + corrupt).toBeGreaterThan(0);
  });
});
