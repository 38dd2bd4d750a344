import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Database } from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { readManifest } from '../../src/storage/backup/container.ts';
import { openDatabaseReadOnly } from '../../src/storage/database.ts';
import { run, serve } from '../support/cli.ts';
import { makeNode, temporaryFolder } from '../support/harness.ts';
import { Poster, postedKeyId } from './support/load-poster.ts';

/**
 * Backups by the command line beside a node that is busy: each of them, restored, holds every key that was acknowledged
 * before it began, and the serving node's own chain up to where its manifest says.
 */
const scale = Number(process.env.FAULT_SCALE ?? '1');
/** A new node after a few backups, because at full pace each takes longer than the one before. */
const nodes = Array.from({ length: Math.max(1, Math.round(4 * scale)) }, (_, index) => index + 1);
const backups = 5;
const postsPerSecondMin = 5_000;
/** Numbers of keys that one backup's load may use. */
const keysPerBackup = 10_000_000;
const warmUpMs = 500;

const pause = (durationMs: number) => new Promise((resolve) => setTimeout(resolve, durationMs));

/** The first event that two logs do not have in common up to `head`; undefined where there is none. */
function firstDifference(one: Database, other: Database, head: number): number | undefined {
  const links = (database: Database) =>
    database
      .prepare<[number], [number, Buffer]>('SELECT sequence, hash FROM events WHERE sequence <= ? ORDER BY sequence')
      .raw()
      .iterate(head);
  const others = links(other);
  let expected = 1;
  for (const [sequence, hash] of links(one)) {
    const link = others.next().value as [number, Buffer] | undefined;
    if (sequence !== expected || link?.[0] !== sequence || !link[1].equals(hash)) return expected;
    expected += 1;
  }
  return expected === head + 1 && others.next().done === true ? undefined : expected;
}

function lacking(database: Database, numbers: Iterable<number>): number[] {
  const ids = database.prepare<[], Buffer>('SELECT key_id FROM chat_keys').pluck().all();
  const stored = new Set(ids.map((id) => id.toString('latin1')));
  return [...numbers].filter((number) => !stored.has(postedKeyId(number).toString('latin1')));
}

describe('backups while a node serves', () => {
  it.each(nodes)(`node %i: ${backups} hold everything that was acknowledged before them`, async () => {
    const directory = makeNode();
    const node = await serve(directory);
    const folder = temporaryFolder();
    const acknowledged: number[] = [];
    const rates: number[] = [];
    const durationsMs: number[] = [];
    const wrong: string[] = [];
    for (let round = 0; round < backups; round += 1) {
      const file = join(folder, `${round}.backup`);
      const restored = join(folder, `${round}`);
      const poster = new Poster(node.port, 'full', round * keysPerBackup);
      await pause(warmUpMs);
      const before = await poster.report();
      const began = performance.now();
      const made = run(['backup', file, '--data', directory]);
      const tookMs = performance.now() - began;
      const after = await poster.report();
      poster.stop();
      durationsMs.push(tookMs);
      rates.push(((after.acknowledged.length - before.acknowledged.length) / tookMs) * 1_000);
      const codes = [
        made.code,
        run(['restore', file, '--data', restored]).code,
        run(['verify', '--data', restored]).code,
      ];
      const { head } = readManifest(file);
      const copy = openDatabaseReadOnly(join(restored, 'node.db'));
      const original = openDatabaseReadOnly(join(directory, 'node.db'));
      const lacks = lacking(copy, [...acknowledged, ...before.acknowledged]).length;
      const difference = firstDifference(copy, original, head.sequence);
      copy.close();
      original.close();
      if (codes.some((code) => code !== 0) || lacks > 0 || difference !== undefined) {
        wrong.push(`backup ${round}: exits ${codes.join(', ')}, ${lacks} keys lacking, event ${difference} differs`);
      }
      expect.soft([...before.unexpected, ...after.unexpected]).toEqual([]);
      for (const number of after.acknowledged) acknowledged.push(number);
      for (const path of [file, restored]) rmSync(path, { recursive: true, force: true });
    }
    await node.end('SIGTERM');
    process.stdout.write(
      `backups under load: ${backups - wrong.length} of ${backups} whole, ${Math.min(...rates).toFixed(0)} to ` +
        `${Math.max(...rates).toFixed(0)} posts a second meanwhile, ${Math.max(...durationsMs).toFixed(0)} ms the longest, ` +
        `${acknowledged.length} keys in the end\n`,
    );
    expect(wrong).toEqual([]);
    expect(Math.min(...rates)).toBeGreaterThan(postsPerSecondMin);
  });
});
