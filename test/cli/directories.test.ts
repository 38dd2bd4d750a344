import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import SqliteDatabase from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { type Ran, run, serve } from '../support/cli.ts';
import { makeNode, temporaryFolder } from '../support/harness.ts';

/** A directory that cannot be served: one line of cause and cure, the documented exit code, within a second. */
const withinMs = 1_000;

const words = (directory: string) => ['serve', '--data', directory, '--host', '127.0.0.1', '--port', '0'];

function timed(work: () => Ran): Ran & { readonly durationMs: number } {
  const began = performance.now();
  return { ...work(), durationMs: performance.now() - began };
}

function expectLine(directory: string, code: number, cure: RegExp, ran: ReturnType<typeof timed>): void {
  const { stderr, stdout, durationMs } = ran;
  expect.soft(stderr.trimEnd().split('\n'), 'one line').toHaveLength(1);
  expect.soft(stderr).not.toMatch(/^\s+at /m);
  expect.soft(stderr, 'names the place').toContain(directory);
  expect.soft(stderr, 'names cause and cure').toMatch(cure);
  expect.soft(stdout).toBe('');
  expect.soft(ran.code).toBe(code);
  expect.soft(durationMs).toBeLessThan(withinMs);
  process.stdout.write(`${ran.code} after ${durationMs.toFixed(0)} ms: ${stderr}`);
}

function foreignDatabase(): string {
  const directory = temporaryFolder();
  const database = new SqliteDatabase(join(directory, 'node.db'));
  database.exec('CREATE TABLE letters (text)');
  database.close();
  return directory;
}

function emptyDatabase(): string {
  const directory = temporaryFolder();
  writeFileSync(join(directory, 'node.db'), '');
  return directory;
}

function directoryOfLetters(): string {
  const directory = temporaryFolder();
  writeFileSync(join(directory, 'letter.txt'), 'Dear node');
  return directory;
}

describe('serve', () => {
  it.each([
    { what: 'a missing directory', make: () => join(temporaryFolder(), 'nowhere'), code: 1, cure: /raida-node init/ },
    { what: "somebody else's directory", make: directoryOfLetters, code: 1, cure: /raida-node init/ },
    { what: "somebody else's database", make: foreignDatabase, code: 65, cure: /no node|not a node/ },
    { what: 'an empty database', make: emptyDatabase, code: 65, cure: /no node|not a node|restore/i },
  ])('on $what', ({ make, code, cure }) => {
    const directory = make();
    expectLine(
      directory,
      code,
      cure,
      timed(() => run(words(directory))),
    );
  });

  it('on a directory that another node serves', async () => {
    const directory = makeNode();
    const first = await serve(directory);
    expectLine(
      directory,
      4,
      /stop it first/,
      timed(() => run(words(directory))),
    );
    expect(await first.end('SIGTERM')).toMatchObject({ code: 0 });
  });

  /** Permissions do not bind root, who therefore becomes somebody else for these. */
  it.each([
    { what: 'may not look into', mode: 0o700, ownMode: 0o000 },
    { what: 'may not write to', mode: 0o755, ownMode: 0o555 },
  ])('on a directory that its user $what', ({ mode, ownMode }) => {
    const isRoot = process.getuid?.() === 0;
    const folder = temporaryFolder();
    const directory = join(folder, 'node');
    cpSync(makeNode(), directory, { recursive: true });
    chmodSync(folder, 0o755);
    for (const name of ['node.db', 'head.json']) chmodSync(join(directory, name), isRoot ? 0o644 : 0o444);
    chmodSync(directory, isRoot ? mode : ownMode);
    try {
      expectLine(
        directory,
        73,
        /permi|writ|owner|user/i,
        timed(() => (isRoot ? runAsNobody(words(directory)) : run(words(directory)))),
      );
    } finally {
      chmodSync(directory, 0o700);
    }
  });
});

function runAsNobody(args: readonly string[]): Ran {
  const main = new URL('../../dist/main.js', import.meta.url).pathname;
  const { status, stdout, stderr } = spawnSync(
    'setpriv',
    ['--reuid', '65534', '--regid', '65534', '--clear-groups', process.execPath, main, ...args],
    { encoding: 'utf8' },
  );
  return { code: status, stdout, stderr };
}
