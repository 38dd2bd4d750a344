import { cpSync, lstatSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import SqliteDatabase from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { explainFailure } from '../../src/cli/failure.ts';
import { Store } from '../../src/storage/store.ts';
import { run, serve } from '../support/cli.ts';
import { Exchange, makeNode, temporaryFolder } from '../support/harness.ts';
import { buildRequest, coinBytes, getPayload, postPayload } from '../support/wire.ts';
import { Asker } from './support/asker.ts';
import { cutInHalf, type Damage, pageDamages, type Random, shmDamages, walDamages } from './support/damages.ts';
import { randomFrom } from './support/random.ts';

/**
 * Files damaged while the node was away: it does not start (exit 65), or the damaged row is not served (194). It never
 * serves what was not stored, and after damage to the WAL it never starts without what its anchor knows of.
 */
const scale = Number(process.env.FAULT_SCALE ?? '1');
const seed = Number(process.env.FAULT_SEED ?? Date.now() % 1_000_000);
const coins = [1, 2, 3].map((page) => ({
  denomination: 1,
  serialNumber: page * 1_024 + 7,
  secret: Buffer.alloc(16, page),
}));
const keyCount = 400;
const keysPerBatch = 20;
const filesystemStatus = 194;

const keyIdOf = (number: number) => Buffer.from((number * 0x9e3779b1).toString(16).padStart(32, '0').slice(-32), 'hex');
const keyOf = (number: number) => Buffer.alloc(40, number & 0xff);

function postOf(number: number): Buffer {
  const pad = Buffer.concat([keyOf(number), Buffer.alloc(88)]);
  return buildRequest({
    group: 4,
    command: 41,
    payload: postPayload(keyIdOf(number), coinBytes(1, 300), pad, 0, 40),
  });
}

const getOf = (number: number) => buildRequest({ group: 4, command: 43, payload: getPayload(keyIdOf(number)) });

interface Base {
  readonly directory: string;
  /** Acknowledged keys; the anchor knows of them. */
  readonly keys: number;
}

/** A killed node whose newest work stands in the WAL alone, because a reader kept it from being moved. */
async function killedNode(): Promise<Base> {
  const directory = makeNode(coins);
  const node = await serve(directory);
  const asker = new Asker(node.port);
  for (let number = 0; number < keyCount / 2; number += 1) expect(await asker.status(postOf(number))).toBe(250);
  const reader = new SqliteDatabase(join(directory, 'node.db'), { readonly: true });
  onTestFinished(() => {
    reader.close();
  });
  reader.exec('BEGIN; SELECT count(*) FROM events');
  for (let number = keyCount / 2; number < keyCount; number += 1) {
    expect(await asker.status(postOf(number))).toBe(250);
  }
  const anchored = () =>
    (JSON.parse(readFileSync(join(directory, 'head.json'), 'utf8')) as { sequence: number }).sequence;
  await expect.poll(anchored, { timeout: 5_000 }).toBe(keyCount);
  await node.end('SIGKILL');
  asker.close();
  const copy = temporaryFolder();
  cpSync(directory, copy, { recursive: true, filter: (path) => !lstatSync(path).isSocket() });
  return { directory: copy, keys: keyCount };
}

/** The same after a peaceful end: everything stands in the database file. */
async function endedNode(): Promise<Base> {
  const { directory, keys } = await killedNode();
  Store.open(directory).close();
  return { directory, keys };
}

interface Tally {
  refused: number;
  whole: number;
  /** Started, and did not serve all that was stored. */
  partly: number;
  readonly wrong: string[];
}

const wholeCount = Buffer.alloc(5);
wholeCount.writeInt8(1);
wholeCount.writeUInt32BE(coins.length, 1);

/** What a node on a damaged copy does: it opens as `serve` does, and answers for each key and coin. */
function judge(base: Base, name: string, damage: Damage, random: Random, tally: Tally): void {
  const directory = temporaryFolder();
  try {
    cpSync(base.directory, directory, { recursive: true });
    damage(directory, random);
    let store: Store;
    try {
      store = Store.open(directory);
    } catch (error) {
      if (explainFailure(error, directory).exitCode === 65) tally.refused += 1;
      else tally.wrong.push(`${name}: exit ${explainFailure(error, directory).exitCode}, ${(error as Error).message}`);
      return;
    }
    try {
      if (answers(base, name, new Exchange(store), tally)) tally.whole += 1;
      else tally.partly += 1;
    } finally {
      closeQuietly(store);
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function answers({ keys }: Base, name: string, exchange: Exchange, tally: Tally): boolean {
  let isWhole = true;
  const take = (reply: Buffer, what: string, expected: Buffer | undefined, refusals: readonly number[]) => {
    const status = reply.readUInt8(2);
    if (status !== 250) isWhole = false;
    if (
      status === 250 ? expected !== undefined && !expected.equals(reply.subarray(32, -2)) : !refusals.includes(status)
    )
      tally.wrong.push(`${name}: ${what} is answered ${status} ${reply.toString('hex', 32)}`);
  };
  for (let first = 0; first < keys; first += keysPerBatch) {
    const numbers = Array.from({ length: keysPerBatch }, (_, index) => first + index);
    for (const [index, reply] of exchange.send(...numbers.map(getOf)).entries()) {
      const wanted = Buffer.concat([coinBytes(1, 300), keyOf(first + index)]);
      take(reply, `key ${first + index}`, wanted, [filesystemStatus]);
    }
  }
  for (const coin of coins) {
    const request = buildRequest({ group: 0, command: 0, type: 1, coins: [coin] });
    take(exchange.one(request), `coin ${coin.serialNumber}`, undefined, [filesystemStatus]);
  }
  const counted = exchange.one(buildRequest({ group: 0, command: 3 }));
  const ones = counted.subarray(32 + 9 * 5, 32 + 10 * 5);
  const status = counted.readUInt8(2);
  if (status === 250 ? !ones.equals(wholeCount) : status !== filesystemStatus)
    tally.wrong.push(`${name}: the count is answered ${status} ${ones.toString('hex')}`);
  return isWhole;
}

/** A damaged database may not even close. */
function closeQuietly(store: Store): void {
  try {
    store.close();
  } catch {}
}

function tallyOf(base: Base, kind: string, damages: Record<string, Damage>, rounds: number): Tally {
  const random = randomFrom(seed);
  const tally: Tally = { refused: 0, whole: 0, partly: 0, wrong: [] };
  for (const [name, damage] of Object.entries(damages)) {
    const before = { ...tally };
    for (let round = 0; round < rounds; round += 1) judge(base, `${kind} ${name}`, damage, random, tally);
    process.stdout.write(
      `damage, ${kind} ${name}: ${rounds} times, ${tally.refused - before.refused} refused, ${tally.whole - before.whole} whole, ${tally.partly - before.partly} in part\n`,
    );
  }
  if (tally.wrong.length > 0) process.stdout.write(`${tally.wrong.slice(0, 30).join('\n')}\n`);
  return tally;
}

describe(`damage, seed ${seed}`, () => {
  it('to the WAL is noticed, or has done no harm', async () => {
    const base = await killedNode();
    const tally = tallyOf(base, 'the WAL', walDamages, Math.max(10, Math.round(100 * scale)));
    expect(tally.wrong).toEqual([]);
    expect(tally.partly, 'started without what the anchor knows of').toBe(0);
    expect(tally.refused).toBeGreaterThan(0);
  });

  it('to the shared memory file does no harm', async () => {
    const base = await killedNode();
    const tally = tallyOf(base, '-shm', shmDamages, Math.max(5, Math.round(20 * scale)));
    expect([tally.wrong, tally.refused, tally.partly]).toEqual([[], 0, 0]);
  });

  it('to the database file is noticed, or the row is not served', async () => {
    const base = await endedNode();
    const tally = tallyOf(base, 'node.db', pageDamages, Math.max(20, Math.round(200 * scale)));
    expect(tally.wrong).toEqual([]);
    expect(tally.whole).toBeLessThan(tally.refused + tally.partly + tally.whole);
  });

  it('is told in one line with exit 65 by the program itself', async () => {
    const base = await killedNode();
    for (const [name, damage] of Object.entries({ removed: walDamages.removed, cut: cutInHalf })) {
      const directory = temporaryFolder();
      cpSync(base.directory, directory, { recursive: true });
      damage?.(directory, () => 0);
      const { code, stderr } = run(['serve', '--data', directory, '--port', '0', '--host', '127.0.0.1']);
      expect([code, stderr.trimEnd().split('\n').length], `WAL ${name}`).toEqual([65, 1]);
      // Without its WAL, a database that was killed in the middle of a checkpoint is no whole one.
      expect(stderr).toMatch(/--accept-loss|restore a backup/);
    }
  });
});
