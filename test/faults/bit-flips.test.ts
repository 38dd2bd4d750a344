import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import SqliteDatabase, { type Database } from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { verifyDatabase } from '../../src/storage/verify.ts';
import { run, serve } from '../support/cli.ts';
import { openBeside, temporaryFolder } from '../support/harness.ts';
import { allowDamage, flipStoredBit } from './support/bit-flip.ts';
import { makeFilledNode } from './support/filled-node.ts';
import { Poster } from './support/load-poster.ts';
import { randomFrom } from './support/random.ts';

/** A single bit of any stored value that is not what was written is found by `verify`, and a sound node is never accused. */
const scale = Number(process.env.FAULT_SCALE ?? '1');
const seed = Number(process.env.FAULT_SEED ?? Date.now() % 1_000_000);
const flips = Math.max(10, Math.round(100 * scale));
/** So many of the flips are looked for by the command line; the rest in this process, which is faster. */
const flipsByCommandLine = 10;
const cleanRuns = Math.max(4, Math.round(20 * scale));
const postsPerSecond = 1_000;
const filling = { pages: 200, keys: 20_000, events: 40_000, reconstructions: 300 };
const everything = { structure: 'full', pages: true, keys: true, events: true, index: true } as const;

function copyOf(directory: string): string {
  const copy = temporaryFolder();
  cpSync(directory, copy, { recursive: true });
  return copy;
}

/** What the faults of a database are, after `change` and without keeping it. */
function faultsAfter(database: Database, change: () => void): readonly string[] {
  database.exec('BEGIN');
  try {
    change();
    return verifyDatabase(database, everything, () => undefined).faults;
  } finally {
    database.exec('ROLLBACK');
  }
}

function isFoundByCommandLine(directory: string, change: (database: Database) => void): boolean {
  const copy = copyOf(directory);
  const database = new SqliteDatabase(join(copy, 'node.db'));
  allowDamage(database);
  change(database);
  database.close();
  const { code } = run(['verify', '--data', copy]);
  rmSync(copy, { recursive: true });
  return code === 3;
}

describe('verify', () => {
  it(`finds each of ${flips} flipped bits`, () => {
    const directory = makeFilledNode(filling);
    const random = randomFrom(seed);
    const database = openBeside(copyOf(directory));
    allowDamage(database);
    expect(faultsAfter(database, () => undefined)).toEqual([]);
    const missed: string[] = [];
    const places = new Map<string, number>();
    for (let flip = 0; flip < flips; flip += 1) {
      let place = '';
      const change = (changed: Database) => {
        place = flipStoredBit(changed, random);
      };
      const found =
        flip < flipsByCommandLine
          ? isFoundByCommandLine(directory, change)
          : faultsAfter(database, () => change(database)).length > 0;
      if (!found) missed.push(place);
      const table = place.slice(0, place.indexOf('.'));
      places.set(table, (places.get(table) ?? 0) + 1);
    }
    const where = [...places].map(([table, count]) => `${table} ${count}`).join(', ');
    process.stdout.write(`bit flips: ${flips - missed.length} of ${flips} found (${where}), seed ${seed}\n`);
    expect(missed).toEqual([]);
  });

  it(`accuses a sound node in none of ${cleanRuns} runs, at rest and under load`, async () => {
    const directory = makeFilledNode(filling);
    const codes: (number | null)[] = [];
    for (let round = 0; round < cleanRuns / 2; round += 1) codes.push(run(['verify', '--data', directory]).code);
    const node = await serve(directory);
    const poster = new Poster(node.port, postsPerSecond);
    while (codes.length < cleanRuns) codes.push(run(['verify', '--data', directory]).code);
    const { acknowledged, unexpected } = await poster.report();
    poster.stop();
    await node.end('SIGTERM');
    process.stdout.write(
      `clean runs: ${codes.filter((code) => code === 0).length} of ${cleanRuns} exit 0, ${acknowledged.length} posts meanwhile\n`,
    );
    expect(codes.filter((code) => code !== 0)).toEqual([]);
    expect(unexpected).toEqual([]);
    expect(acknowledged.length).toBeGreaterThan(0);
  });
});
