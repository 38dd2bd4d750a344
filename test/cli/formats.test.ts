import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Store } from '../../src/storage/store.ts';
import { run, runJson, serve } from '../support/cli.ts';
import { Exchange, makeNode, temporaryFolder } from '../support/harness.ts';
import { buildRequest, coinBytes, getPayload, postPayload } from '../support/wire.ts';

/** Verbs that look say the same in every format; verbs that make something leave nothing half made. */
const id = (number: number) => Buffer.alloc(16, number);

function livedNode(): string {
  const directory = makeNode([{ denomination: -3, serialNumber: 5, secret: Buffer.alloc(16, 1) }]);
  const store = Store.open(directory);
  const exchange = new Exchange(store);
  for (let number = 1; number <= 6; number += 1) {
    const payload = postPayload(id(number), coinBytes(1, number), Buffer.alloc(128, number), 0, number);
    exchange.one(buildRequest({ group: 4, command: 41, payload }));
  }
  for (const number of [1, 1, 2, 90])
    exchange.one(buildRequest({ group: 4, command: 43, payload: getPayload(id(number)) }));
  exchange.one(buildRequest({ group: 4, command: 44, payload: coinBytes(-3, 5) }));
  exchange.one(buildRequest({ group: 4, command: 42 }));
  while (store.indexes.lag() > 0) store.indexes.follow(1_000);
  store.close();
  return directory;
}

/** Rows of one verb as each format has them. */
function rowsOf(words: readonly string[]) {
  const lines = (format: string[]) =>
    run([...words, ...format])
      .stdout.trimEnd()
      .split('\n');
  const json = JSON.parse(run([...words, '--json']).stdout) as Record<string, unknown>[];
  const ndjson = lines(['--ndjson']).map((line) => JSON.parse(line) as Record<string, unknown>);
  return { json, ndjson, csv: lines(['--csv']), table: lines([]) };
}

describe('formats', () => {
  const directory = () => ['--data', livedNode()];
  const verbs: [words: string[], rows: number][] = [
    [['keys', 'list'], 6],
    [['keys', 'list', '--never-fetched', '--limit', '2'], 2],
    [['keys', 'history', id(1).toString('hex')], 3],
    [['events', 'list'], 12],
    [['events', 'list', '--status', '194'], 1],
    [['events', 'list', '--action', 'post-key', '--newest-first', '--limit', '4'], 4],
    [['events', 'list', '--key', '02'], 2],
    [['events', 'list', '--coin', '-3:5'], 1],
    [['events', 'list', '--address', '192.0.2.7'], 12],
    [['events', 'stats'], 5],
    [['coins', 'free', '-3', '--limit', '3'], 3],
    [['query', 'SELECT key_id FROM v_keys'], 6],
  ];
  it.each(verbs)('of %j are four views of the same %i rows', (words, rows) => {
    const { json, ndjson, csv, table } = rowsOf([...words, ...directory()]);
    expect(json).toHaveLength(rows);
    expect(ndjson).toEqual(json);
    expect([csv.length, table.length]).toEqual([rows + 1, rows + 1]);
    const columns = (csv[0] ?? '').split(',');
    expect(columns.every((column) => column in (json[0] ?? {}))).toBe(true);
    expect((table[0] ?? '').split(/ +/)).toEqual(columns);
  });

  it('of rows that are not there are empty, not errors', () => {
    const words = ['events', 'list', '--action', 'nothing', ...directory()];
    expect(run([...words, '--json']).stdout).toBe('[]\n');
    expect(run([...words, '--ndjson']).stdout).toBe('');
    expect(
      run([...words, '--csv'])
        .stdout.trimEnd()
        .split('\n'),
    ).toHaveLength(1);
    expect(run(words).code).toBe(0);
  });
});

describe('coins', () => {
  it('of negative denominations are shown, in and out of use', () => {
    const directory = livedNode();
    const show = (sn: string) =>
      runJson<{ inUse: boolean; bitmapAgrees: boolean }>(['coins', 'show', '-3', sn, '--data', directory]);
    expect(show('5')).toMatchObject({ inUse: true, bitmapAgrees: true });
    expect(show('6')).toMatchObject({ inUse: false, bitmapAgrees: true });
    expect(run(['coins', 'history', '-3', '5', '--data', directory]).code).toBe(0);
    for (const words of [
      ['-9', '5'],
      ['7', '0'],
      ['-3', '1024000'],
      ['-3', 'x'],
    ]) {
      const { code, stderr } = run(['coins', 'show', ...words, '--data', directory]);
      expect([code, stderr], words.join(' ')).toEqual([2, expect.stringContaining('Try: raida-node')]);
    }
  });
});

describe('import', () => {
  it('does not follow a link out of the folder, nor choke on a directory with the name of a file', () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'Keys'));
    mkdirSync(join(folder, 'coins', '01.5.bin'), { recursive: true });
    symlinkSync('/nonexistent', join(folder, 'Keys', 'a'.repeat(32)));
    symlinkSync('/etc/hostname', join(folder, 'Keys', 'b'.repeat(32)));
    writeFileSync(join(folder, 'Keys', 'c'.repeat(32)), Buffer.concat([coinBytes(1, 5), Buffer.alloc(9)]));
    const data = join(temporaryFolder(), 'node');
    const report = runJson<{ keys: number; refused: { file: string; reason: string }[] }>([
      'import',
      folder,
      '--raida-id',
      '3',
      '--data',
      data,
    ]);
    expect(report.keys).toBe(1);
    expect(report.refused.map(({ file }) => file)).toEqual([
      `Keys/${'a'.repeat(32)}`,
      `Keys/${'b'.repeat(32)}`,
      'coins/01.5.bin',
    ]);
  });

  it('of what is no folder, or no deployed one, makes no node', () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'file'), 'x');
    for (const wrong of [join(folder, 'nowhere'), join(folder, 'file'), folder]) {
      const data = join(temporaryFolder(), 'node');
      const { code, stderr } = run(['import', wrong, '--data', data]);
      expect([code, stderr.trimEnd().split('\n').length, existsSync(data)], wrong).toEqual([1, 1, false]);
    }
  });
});

describe('a port that is taken', () => {
  it('is named in one line, and the directory is free again', async () => {
    const directory = makeNode();
    const other = createServer();
    const port = await new Promise<number>((resolve) => {
      other.listen(0, '127.0.0.1', () => {
        const address = other.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
    const { code, stderr } = run(['serve', '--data', directory, '--host', '127.0.0.1', '--port', String(port)]);
    expect([code === 0, stderr.includes(String(port)), stderr.trimEnd().split('\n').length]).toEqual([false, true, 1]);
    other.close();
    const node = await serve(directory);
    await node.end('SIGTERM');
    expect(readFileSync(join(directory, 'node.db')).length).toBeGreaterThan(0);
  });
});
