import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { run, runJson } from '../support/cli.ts';
import { temporaryFolder } from '../support/harness.ts';

/** A deployed server's folder in and out again, with everything that can be wrong with one. */
interface Report {
  readonly pages: number;
  readonly coinsInUse: number;
  readonly keys: number;
  readonly encryptionCoins: number;
  readonly refused: { file: string; reason: string }[];
  readonly ignored: string[];
}

const config =
  '[server]\nraida_id = 14\ncoin_id = 6\nport = 50014\nadmin_key = "00112233445566778899aabbccddeeff"\nthreads = 4\nbackup_freq = 60\nudp_effective_payload = 1024\nraida_servers = ["a:1"]\n';

function put(root: string, path: string, content: Buffer | string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
}

function page(seed: number): Buffer {
  const bytes = Buffer.alloc(17_408);
  for (let index = 0; index < bytes.length; index += 1) bytes[index] = (index * seed * 31 + (index >> 8)) & 0xff;
  for (let index = 0; index < 1_024; index += 1) bytes[index * 17 + 16] = index % 4 === 0 ? 45 : 0;
  return bytes;
}

function soundFolder(pages = 30): string {
  const root = join(temporaryFolder(), 'deployed');
  for (let number = 0; number < pages; number += 1) {
    const folder = `Data/01/${(number >> 8).toString(16).padStart(2, '0')}`;
    put(root, `${folder}/${number.toString(16).padStart(4, '0')}.bin`, page(number + 1));
  }
  put(root, 'Data/fd/03/03e7.bin', page(99));
  for (let key = 0; key < 40; key += 1) {
    put(
      root,
      `Keys/${key.toString(16).padStart(32, '0')}`,
      Buffer.concat([Buffer.from('010000012c', 'hex'), Buffer.alloc(key * 3, key)]),
    );
  }
  put(root, 'coins/01.14001.bin', Buffer.concat([Buffer.from('09010006', 'hex'), Buffer.alloc(436, 1)]));
  put(root, 'coins/-3.5.bin', Buffer.concat([Buffer.from('09010006', 'hex'), Buffer.alloc(436, 2)]));
  put(root, 'config.toml', config);
  put(root, 'server.log', 'hello');
  return root;
}

function tree(root: string, folder = ''): Map<string, string> {
  const found = new Map<string, string>();
  for (const name of readdirSync(join(root, folder)).sort()) {
    const path = join(folder, name);
    if (statSync(join(root, path)).isDirectory()) for (const [key, value] of tree(root, path)) found.set(key, value);
    else if (path.includes('/')) found.set(path, readFileSync(join(root, path), 'hex'));
  }
  return found;
}

describe('import', () => {
  it('takes everything, and export gives it back byte for byte', () => {
    const deployed = soundFolder();
    const data = join(temporaryFolder(), 'node');
    const report = runJson<Report>(['import', deployed, '--data', data]);
    expect(report).toEqual({
      pages: 31,
      coinsInUse: 31 * 256,
      keys: 40,
      encryptionCoins: 2,
      refused: [],
      ignored: ['server.log'],
    });
    expect(readFileSync(join(data, 'config.toml'), 'utf8')).toContain('port = 50014');
    expect(run(['verify', '--data', data]).code).toBe(0);
    const out = join(temporaryFolder(), 'out');
    expect(run(['export', out, '--data', data]).code).toBe(0);
    expect(tree(out)).toEqual(tree(deployed));
    expect(run(['export', out, '--data', data]).code).toBe(4);
  });

  it('reports each file that it cannot take, with its reason, takes the rest and ends with 1', () => {
    const deployed = soundFolder(2);
    put(deployed, 'Data/01/00/0007.bin', page(1).subarray(1));
    put(deployed, 'Data/01/03/03e8.bin', page(1));
    put(deployed, 'Data/09/00/0000.bin', page(1));
    put(deployed, 'Data/01/01/0005.bin', page(1));
    put(deployed, 'Data/01/00/notes.txt', 'x');
    put(deployed, 'Keys/xyz', 'x');
    put(deployed, `Keys/${'a'.repeat(32)}`, 'abc');
    put(deployed, `Keys/${'b'.repeat(32)}`, Buffer.alloc(200));
    put(deployed, 'coins/01.7.bin', Buffer.concat([Buffer.from('09010007', 'hex'), Buffer.alloc(436)]));
    put(deployed, 'coins/01.8.bin', Buffer.alloc(439));
    for (const path of ['Data/01/00/0009.bin', 'coins/01.5.bin', `Keys/${'d'.repeat(32)}`])
      mkdirSync(join(deployed, path));
    mkdirSync(join(deployed, 'Data/02/00'), { recursive: true });
    execFileSync('mkfifo', [join(deployed, 'Keys', 'c'.repeat(32))]);
    const wallet = Buffer.alloc(439, 7);
    Buffer.from('09010006', 'hex').copy(wallet);
    Buffer.from('0000010000000b', 'hex').copy(wallet, 32);
    put(deployed, 'coins/01.11.bin', wallet);
    const data = join(temporaryFolder(), 'node');
    const report = runJson<Report>(['import', deployed, '--data', data]);
    expect(run(['import', deployed, '--data', data]).code).toBe(1);
    expect([report.pages, report.keys, report.encryptionCoins]).toEqual([3, 40, 3]);
    expect(Object.fromEntries(report.refused.map(({ file, reason }) => [file, reason]))).toEqual({
      'Data/01/00/0007.bin': 'is 17407 bytes long, not 17408',
      'Data/01/00/0009.bin': 'is not a plain file',
      'Data/01/00/notes.txt': 'is not named like a coin page (Data/DD/PP/NNNN.bin)',
      'Data/01/01/0005.bin': 'belongs at Data/01/00/0005.bin',
      'Data/01/03/03e8.bin': 'names page 1000; the last one is 999',
      'Data/09/00/0000.bin': 'names denomination 9, which does not exist',
      'Keys/xyz': 'is not named like a key (32 lower-case hexadecimal digits)',
      [`Keys/${'a'.repeat(32)}`]: 'is 3 bytes long, at least 5 are needed',
      [`Keys/${'b'.repeat(32)}`]: 'holds a key of 195 bytes, at most 127 are possible',
      [`Keys/${'c'.repeat(32)}`]: 'is not a plain file',
      [`Keys/${'d'.repeat(32)}`]: 'is not a plain file',
      'coins/01.5.bin': 'is not a plain file',
      'coins/01.7.bin': 'names coin id 7, not 6',
      'coins/01.8.bin': 'has 439 bytes but is not in wallet format 9',
    });
    expect(statSync(join(data, 'coins/01.11.bin')).size).toBe(440);
  });

  it('is finished by running it again after it was killed', async () => {
    const deployed = soundFolder(700);
    const data = join(temporaryFolder(), 'node');
    const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
    for (const delayMs of [120, 160, 200, 260]) {
      const child = spawn(process.execPath, [main, 'import', deployed, '--data', data], { stdio: 'ignore' });
      const ended = new Promise((resolve) => child.once('exit', resolve));
      setTimeout(() => child.kill('SIGKILL'), delayMs);
      await ended;
    }
    const report = runJson<Report>(['import', deployed, '--data', data]);
    expect([report.pages, report.keys, report.refused]).toEqual([701, 40, []]);
    expect(run(['verify', '--data', data]).code).toBe(0);
    const out = join(temporaryFolder(), 'out');
    run(['export', out, '--data', data]);
    expect(tree(out)).toEqual(tree(deployed));
  });

  it('overwrites nothing that differs, and no node of another RAIDA', () => {
    const deployed = soundFolder(2);
    const data = join(temporaryFolder(), 'node');
    run(['import', deployed, '--data', data]);
    put(deployed, 'Data/01/00/0001.bin', page(55));
    const { refused } = runJson<Report>(['import', deployed, '--data', data]);
    expect(refused).toEqual([
      { file: 'Data/01/00/0001.bin', reason: 'differs from the page that the node holds already' },
    ]);
    put(deployed, 'config.toml', config.replace('14', '15'));
    expect(run(['import', deployed, '--data', data]).code).toBe(4);
  });
});
