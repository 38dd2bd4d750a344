import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run, serve } from '../support/cli.ts';
import { openBeside, talk, temporaryFolder } from '../support/harness.ts';
import { buildRequest, postPayload } from '../support/wire.ts';

/** Life and death of a served node: start, signals, second process, settings, kill -9. */
const post = (id: number) =>
  buildRequest({
    group: 4,
    command: 41,
    payload: postPayload(Buffer.alloc(16, id), Buffer.from('010000012c', 'hex'), Buffer.alloc(128), 0, 9),
  });

function newNode(): string {
  const directory = join(temporaryFolder(), 'node');
  expect(run(['init', '--data', directory, '--raida-id', '14']).code).toBe(0);
  return directory;
}

describe('init', () => {
  it('makes a node for its owner alone, and never overwrites one', () => {
    const directory = newNode();
    for (const name of ['.', 'node.db', 'config.toml', 'coins']) {
      expect(statSync(join(directory, name)).mode & 0o077, name).toBe(0);
    }
    const before = readFileSync(join(directory, 'config.toml'), 'utf8');
    const again = run(['init', '--data', directory, '--raida-id', '3']);
    expect([again.code, again.stderr]).toEqual([
      4,
      `raida-node: there is a node in ${directory} already; it was left as it is\n`,
    ]);
    expect(readFileSync(join(directory, 'config.toml'), 'utf8')).toBe(before);
  });
});

describe('serve', () => {
  it('is one process, which holds young objects in 8 MiB, and whose engine has one more thread', async () => {
    const node = await serve(newNode());
    expect(node.pid).toBe(node.process.pid);
    const words = readFileSync(`/proc/${node.pid}/cmdline`, 'utf8').split('\0');
    expect(words).toEqual(expect.arrayContaining(['--max-semi-space-size=8', '--v8-pool-size=1']));
    expect((await node.end('SIGTERM')).code).toBe(0);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'on %s answers what has arrived, checkpoints and ends with 0 within 2 s',
    async (signal) => {
      const directory = newNode();
      const node = await serve(directory);
      const talking = talk(node.port, [Buffer.concat([post(1), post(2), post(3)])], 10_000);
      await new Promise((resolve) => setTimeout(resolve, 100));
      const { code, durationMs } = await node.end(signal);
      expect((await talking).received).toHaveLength(96);
      expect(code).toBe(0);
      expect(durationMs).toBeLessThan(2_000);
      expect(existsSync(join(directory, 'node.db-wal'))).toBe(false);
      expect(openBeside(directory).prepare('SELECT count(*) FROM chat_keys').pluck().get()).toBe(3);
    },
  );

  it('lets no second process in', async () => {
    const directory = newNode();
    await serve(directory);
    const second = run(['serve', '--data', directory, '--port', '0']);
    expect([second.code, second.stderr.split('\n').length]).toEqual([4, 2]);
  });

  it('loses nothing acknowledged when it is killed, and starts again', async () => {
    const directory = newNode();
    for (let round = 0; round < 5; round += 1) {
      const node = await serve(directory);
      const requests = Array.from({ length: 40 }, (_, index) => post(round * 40 + index + 1));
      const talking = talk(node.port, [Buffer.concat(requests)], 40 * 32);
      await new Promise((resolve) => setTimeout(resolve, round));
      const { received } = await talking;
      await node.end('SIGKILL');
      const acknowledged = Math.floor(received.length / 32);
      const stored = openBeside(directory).prepare('SELECT count(*) FROM chat_keys').pluck().get();
      expect(stored).toBeGreaterThanOrEqual(round * 40 + acknowledged);
    }
    expect(run(['verify', '--data', directory]).code).toBe(0);
  });

  it('refuses a directory that is no node, a wrong setting and a wrong database, in one line each', () => {
    const directory = newNode();
    const cases: [code: number, text: string, ran: ReturnType<typeof run>][] = [
      [1, 'there is no node', run(['serve', '--data', join(directory, 'nowhere')])],
      [
        78,
        'nearest known one is limits.connections',
        run(['serve', '--data', directory, '--set', 'limits.conections=3']),
      ],
      [78, 'RAIDA_NODE_LIMITS_BATCH', run(['serve', '--data', directory], { RAIDA_NODE_LIMITS_BATCHES: '3' })],
      [78, 'server.raida_id is 3', run(['serve', '--data', directory], { RAIDA_NODE_RAIDA_ID: '3' })],
      [78, 'server.port (RAIDA_NODE_PORT)', run(['serve', '--data', directory], { RAIDA_NODE_PORT: 'many' })],
    ];
    for (const [code, text, ran] of cases) {
      expect([ran.code, ran.stderr]).toEqual([code, expect.stringContaining(text)]);
      expect(ran.stderr.trimEnd().split('\n')).toHaveLength(1);
    }
    writeFileSync(join(directory, 'config.toml'), '[server]\nprot = 3\n');
    expect(run(['serve', '--data', directory]).stderr).toContain('nearest known one is port');
    writeFileSync(join(directory, 'config.toml'), '');
    writeFileSync(join(directory, 'node.db'), 'garbage '.repeat(1_000));
    expect(run(['serve', '--data', directory]).code).toBe(65);
  });

  it('makes the node first where --init says so', async () => {
    const directory = join(temporaryFolder(), 'fresh');
    const node = await serve(directory, ['--init']);
    expect((await talk(node.port, [buildRequest({ group: 0, command: 0, raidaId: 0 })], 32)).received[2]).toBe(250);
  });
});

describe('the command line', () => {
  it('answers usage errors with 2 and a line that helps', () => {
    for (const words of [
      ['frobnicate'],
      ['serve', '--nothing'],
      ['keys', 'show', 'xyz'],
      ['coins', 'show', '9', '5'],
      [],
    ]) {
      const { code, stderr, stdout } = run(words);
      expect(code, words.join(' ')).toBe(2);
      if (words.length > 0) expect(stderr).toContain('Try: raida-node');
      expect(stdout === '' || words.length === 0).toBe(true);
    }
  });

  it('runs the demonstration', () => {
    const { code, stdout } = run(['demo']);
    expect(code).toBe(0);
    expect(stdout).toContain('client and node share it again');
    expect(stdout).toContain('the same 32 bytes');
  });

  it('makes completions for three shells', () => {
    for (const shell of ['bash', 'zsh', 'fish']) expect(run(['completion', shell]).stdout).toContain('never-fetched');
    expect(run(['man']).stdout).toContain('.SH EXIT STATUS');
  });
});
