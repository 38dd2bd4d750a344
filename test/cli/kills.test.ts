import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import SqliteDatabase from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { Store } from '../../src/storage/store.ts';
import { run } from '../support/cli.ts';
import { makeNode, systemRandom, temporaryFolder } from '../support/harness.ts';
import { makeOldNode } from '../support/old-node.ts';

/**
 * Killed at moments spread over the time that they take: never half a backup under its name, never half a node. More moments
 * by KILL_MOMENTS.
 */
const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const moments = Number(process.env.KILL_MOMENTS ?? 5);

/** How long it ran, and whether it came to its end. */
async function runFor(words: readonly string[], durationMs: number): Promise<{ tookMs: number; ended: boolean }> {
  const began = performance.now();
  const child = spawn(process.execPath, [main, ...words], { stdio: 'ignore' });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const timer = setTimeout(() => child.kill('SIGKILL'), durationMs);
  const code = await ended;
  clearTimeout(timer);
  // Killed has no code; whatever else it says is a failure.
  expect([0, null]).toContain(code);
  return { tookMs: performance.now() - began, ended: code === 0 };
}

const patienceMs = 60_000;

/**
 * Kills a command at moments over the time that it takes; `judge` looks at what is left each time. A machine is never as fast
 * twice: the time is that of the quickest run so far, and a run that came to its end before its moment is repeated.
 */
async function killAtMoments(words: readonly string[], prepare: () => void, judge: (ended: boolean) => void) {
  prepare();
  const whole = await runFor(words, patienceMs);
  expect(whole.ended).toBe(true);
  judge(true);
  let quickestMs = whole.tookMs;
  let killed = 0;
  for (let attempt = 0; killed < moments && attempt < 4 * moments; attempt += 1) {
    prepare();
    // The first fifth is the start of the program.
    const { ended, tookMs } = await runFor(words, quickestMs * (0.2 + (0.8 * (killed + 1)) / (moments + 1)));
    if (ended) quickestMs = Math.min(quickestMs, tookMs);
    else killed += 1;
    judge(ended);
  }
  expect(killed).toBe(moments);
}

/** A node of some 20 MB, so that there are moments to be killed in. */
function heavyNode(seed: number): string {
  const directory = makeNode();
  const store = Store.open(directory);
  store.write((writer) => {
    for (let page = 0; page < 1_000; page += 1) {
      const record = { authenticationNumber: Buffer.alloc(16, seed), mfs: 45 };
      writer.coins.putRecord({ denomination: 1, serialNumber: page * 1_024 }, () => record, systemRandom);
    }
    writer.events.append({ time: seed, action: 'import' });
  });
  store.close();
  return directory;
}

function digestOf(directory: string): string {
  const database = new SqliteDatabase(join(directory, 'node.db'), { readonly: true });
  const hash = createHash('sha256');
  for (const row of database.prepare('SELECT checksum FROM coin_pages ORDER BY id').raw().iterate())
    hash.update(String(row));
  database.close();
  return hash.digest('hex');
}

function remove(folder: string, fits: (name: string) => boolean): void {
  for (const name of readdirSync(folder).filter(fits)) rmSync(join(folder, name), { recursive: true, force: true });
}

describe('killed', { timeout: 600_000 }, () => {
  it('a backup leaves no file with its name, or a whole one', async () => {
    const directory = heavyNode(1);
    const folder = temporaryFolder();
    const file = join(folder, 'node.backup');
    const words = ['backup', file, '--data', directory];
    await killAtMoments(
      words,
      () => rmSync(file, { force: true }),
      (ended) => {
        if (ended) expect(existsSync(file)).toBe(true);
        if (!existsSync(file)) return;
        expect(run(['restore', file, '--data', join(folder, 'x'), '--dry-run']).code).toBe(0);
      },
    );
  });

  it('a restore leaves the old node or the new one', async () => {
    const [oldNode, newNode] = [heavyNode(1), heavyNode(2)];
    const folder = temporaryFolder();
    const [file, target] = [join(folder, 'new.backup'), join(folder, 'node')];
    expect(run(['backup', file, '--data', newNode]).code).toBe(0);
    const digests = [digestOf(oldNode), digestOf(newNode)];
    await killAtMoments(
      ['restore', file, '--data', target, '--force'],
      () => {
        remove(folder, (name) => name !== 'new.backup');
        cpSync(oldNode, target, { recursive: true });
      },
      (ended) => {
        expect(run(['verify', '--data', target]).code).toBe(0);
        expect(ended ? digests.slice(1) : digests).toContain(digestOf(target));
      },
    );
  });

  it('an import leaves no node or a sound one, and is finished by running it again', async () => {
    const folder = temporaryFolder();
    const deployed = join(folder, 'deployed');
    mkdirSync(join(deployed, 'Data/01/00'), { recursive: true });
    writeFileSync(join(deployed, 'config.toml'), '[server]\nraida_id = 14\n');
    for (let page = 0; page < 250; page += 1) {
      const name = page.toString(16).padStart(4, '0');
      writeFileSync(join(deployed, `Data/01/00/${name}.bin`), Buffer.alloc(17_408, page + 1));
    }
    const target = join(folder, 'node');
    const words = ['import', deployed, '--data', target];
    await killAtMoments(
      words,
      () => rmSync(target, { recursive: true, force: true }),
      () => {
        if (existsSync(join(target, 'node.db'))) expect(run(['verify', '--data', target]).code).toBe(0);
        expect(run(words).code).toBe(0);
        const stored = new SqliteDatabase(join(target, 'node.db'), { readonly: true });
        expect(stored.prepare('SELECT count(*) FROM coin_pages').pluck().get()).toBe(250);
        stored.close();
      },
    );
  });

  it('a migration leaves the old schema or the new one, with the same content', async () => {
    const folder = temporaryFolder();
    const target = join(folder, 'node');
    const old = makeOldNode(4_000);
    const counts = (file: string) => {
      const database = new SqliteDatabase(file);
      const row = database
        .prepare('SELECT (SELECT count(*) FROM chat_keys) AS keys, (SELECT max(sequence) FROM events) AS events')
        .get();
      database.close();
      return row;
    };
    const before = counts(join(old, 'node.db'));
    await killAtMoments(
      ['keys', 'purge', '--older-than', '2001-01-01', '--data', target],
      () => {
        rmSync(target, { recursive: true, force: true });
        cpSync(old, target, { recursive: true });
      },
      () => {
        expect(run(['keys', 'purge', '--older-than', '2001-01-01', '--data', target]).code).toBe(0);
        expect(counts(join(target, 'node.db'))).toEqual(before);
        expect(run(['verify', '--data', target]).code).toBe(0);
        expect(readFileSync(join(target, 'head.json'), 'utf8')).toContain(
          String((before as { events: number }).events),
        );
      },
    );
  });
});
