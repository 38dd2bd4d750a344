import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { RaidaClient } from '../../src/client/client.ts';
import { eventHash } from '../../src/storage/events.ts';
import { run, runJson, serve } from '../support/cli.ts';
import { makeNode, openStore, temporaryFolder } from '../support/harness.ts';
import { coinBytes, ctr } from '../support/wire.ts';

/** Who posted this key, who fetched it, what was done to this coin, and can it be proved: asked on the command line. */
const holder = { denomination: 2, serialNumber: 77, secret: Buffer.alloc(16, 5) };
const keys = Buffer.alloc(400, 4);
const encryptionCoin = Buffer.concat([Buffer.from('09010006', 'hex'), Buffer.alloc(36), keys]);
const keyId = (id: number) => Buffer.alloc(16, id);

async function livedNode(): Promise<string> {
  const directory = makeNode([holder], { '01.300.bin': encryptionCoin });
  const node = await serve(directory);
  const plain = { host: '127.0.0.1', port: node.port, raidaId: 14, coinId: 6 };
  const client = await RaidaClient.connect(plain);
  const coins = [{ ...holder, authenticationNumber: holder.secret }];
  const proved = await RaidaClient.connect({ ...plain, coins });
  const owner = { denomination: 1, serialNumber: 9 };
  for (let id = 1; id <= 5; id += 1) await client.postKey(keyId(id), { coin: owner, key: Buffer.alloc(id, 1) });
  await client.postKey(keyId(2), { coin: owner, key: Buffer.alloc(9, 2) });
  await expect(proved.postKey(keyId(2), { coin: holder, key: Buffer.alloc(9, 2) })).rejects.toThrow('FILE_EXISTS');
  await proved.getKey(keyId(1));
  await client.getKey(keyId(3));
  await expect(client.getKey(keyId(200))).rejects.toThrow('FILESYSTEM');
  const clear = Buffer.concat([Buffer.alloc(8, 9), coinBytes(2, 77), Buffer.from('1234ff', 'hex')]);
  const ticket = ctr(keys.subarray(0, 16), Buffer.alloc(16), clear);
  const records = [
    { splitId: 0 as const, authority: 3, target: holder, ticket },
    { splitId: 1 as const, authority: 3, target: holder, ticket: Buffer.alloc(16) },
  ];
  expect(await client.decryptRaidaKey({ denomination: 1, serialNumber: 300 }, records)).toEqual([true, false]);
  client.close();
  proved.close();
  await node.end('SIGTERM');
  return directory;
}

describe('forensics', () => {
  it('answers about keys, coins and events, and undoes a reconstruction', async () => {
    const directory = await livedNode();
    const data = ['--data', directory];
    type Key = { id: string; coin: string; size: number; fetches: number; replacements: number };
    const list = (...filters: string[]) =>
      runJson<Key[]>(['keys', 'list', ...filters, ...data]).map((key) => Number.parseInt(key.id.slice(0, 2), 16));
    expect(list()).toEqual([1, 2, 3, 4, 5]);
    expect(list('--never-fetched')).toEqual([2, 4, 5]);
    expect(list('--replaced')).toEqual([2]);
    expect(list('--id', '03')).toEqual([3]);
    expect(list('--coin', '1:9', '--limit', '2')).toEqual([1, 2]);
    expect(list('--coin', '2:77')).toEqual([]);
    expect(list('--fetched-by', '127.0.0.1')).toEqual([1, 3]);
    expect(list('--posted-by', '127.0.0.2')).toEqual([]);
    expect(list('--since', '2h ago')).toHaveLength(5);
    expect(list('--until', '2001-01-01')).toEqual([]);

    type Event = {
      sequence: number;
      action: string;
      statusName: string;
      encryptionCoin: string | null;
      address: string;
    };
    const history = runJson<Event[]>(['keys', 'history', keyId(2).toString('hex'), ...data]);
    expect(history.map(({ action, statusName, encryptionCoin: coin }) => [action, statusName, coin])).toEqual([
      ['post-key', 'FILE_EXISTS', '2:77'],
      ['post-key', 'SUCCESS', null],
      ['post-key', 'SUCCESS', null],
    ]);
    expect(runJson<Event[]>(['keys', 'history', keyId(200).toString('hex'), ...data])).toHaveLength(1);
    const events = (...filters: string[]) => runJson<Event[]>(['events', 'list', ...filters, ...data]);
    expect(events()).toHaveLength(11);
    expect(events('--status', 'FILESYSTEM')).toHaveLength(1);
    expect(events('--action', 'get-key', '--newest-first', '--limit', '1')[0]?.statusName).toBe('FILESYSTEM');
    expect(events('--coin', '2:77').map((event) => event.action)).toEqual(['post-key', 'get-key', 'decrypt-raida-key']);
    expect(run(['events', 'list', '--csv', ...data]).stdout.split('\n')[0]).toContain('sequence,time,action');
    expect(
      run(['events', 'list', '--ndjson', ...data])
        .stdout.trim()
        .split('\n'),
    ).toHaveLength(11);

    const show = () =>
      runJson<{ inUse: boolean; authenticationNumberSet: boolean }>(['coins', 'show', '2', '77', ...data]);
    expect(show()).toMatchObject({ inUse: true, authenticationNumberSet: true, bitmapAgrees: true });
    expect(run(['coins', 'show', '-3', '5', ...data]).stdout).toMatch(/stored +false/);
    const coinEvents = runJson<{ role: string; splitId: number }[]>(['coins', 'history', '2', '77', ...data]);
    expect(coinEvents.map(({ role }) => role).sort()).toEqual([
      'encryption',
      'encryption',
      'named',
      'not restored',
      'restored',
    ]);

    const restored = runJson<Event[]>(['events', 'list', '--action', 'decrypt-raida-key', ...data])[0]?.sequence ?? 0;
    const secret = () =>
      openStore(directory).read((reader) => reader.coins.record(holder)?.authenticationNumber.toString('hex'));
    expect(run(['coins', 'revert', String(restored), ...data]).code).toBe(0);
    expect(secret()).toBe(holder.secret.toString('hex'));
    expect(run(['coins', 'revert', '1', ...data]).code).toBe(4);
    expect(run(['verify', ...data]).code).toBe(0);
  });

  it('proves a bundle on another machine, and names what was changed in it', async () => {
    const directory = await livedNode();
    const bundle = join(temporaryFolder(), 'bundle.ndjson');
    expect(run(['events', 'export', '--signed', bundle, '--data', directory]).code).toBe(0);
    const lines = readFileSync(bundle, 'utf8').trim().split('\n');
    const check = (changed: string[]) => {
      writeFileSync(bundle, `${changed.join('\n')}\n`);
      const { code, stdout } = run(['events', 'verify', bundle]);
      return [code, stdout];
    };
    expect(check(lines)[0]).toBe(0);
    expect(check(lines.map((line, index) => (index === 3 ? line.replace('post-key', 'post-kez') : line)))).toEqual([
      3,
      expect.stringContaining('event 3 is not'),
    ]);
    expect(check(lines.filter((_, index) => index !== 4))).toEqual([
      3,
      expect.stringContaining('after event 3 comes 5'),
    ]);
    expect(check([...lines.slice(0, 2), lines[3] ?? '', lines[2] ?? '', ...lines.slice(4)])[0]).toBe(3);
    expect(check(lines.slice(0, -1))).toEqual([3, expect.stringContaining('head is missing')]);
  });

  it('knows a bundle that was computed anew by the signature', async () => {
    const directory = await livedNode();
    const bundle = join(temporaryFolder(), 'bundle.ndjson');
    const exported = run(['events', 'export', '--signed', bundle, '--data', directory]).stdout;
    const publicKey = /signed by ([0-9a-f]{64})/.exec(exported)?.[1] ?? '';
    expect(run(['events', 'verify', bundle, '--public-key', publicKey]).code).toBe(0);
    expect(run(['events', 'verify', bundle, '--public-key', '00'.repeat(32)]).stdout).toContain('not by');
    const lines = readFileSync(bundle, 'utf8').trim().split('\n');
    let hash = '00'.repeat(32);
    const forged = lines.map((line, index) => {
      if (index === 0) return line;
      const value = JSON.parse(line);
      if (value.head !== undefined) return JSON.stringify({ ...value, head: { ...value.head, hash } });
      if (index === 3) value.row[13] = '203.0.113.9';
      const row = value.row.map((cell: unknown, place: number) =>
        place === 12 && typeof cell === 'string' ? Buffer.from(cell, 'hex') : cell,
      );
      const records = value.reconstructions.map((record: unknown[]) =>
        record.map((cell, place) => (place === 6 && typeof cell === 'string' ? Buffer.from(cell, 'hex') : cell)),
      );
      hash = eventHash(hash, row, records);
      return JSON.stringify({ ...value, hash });
    });
    writeFileSync(bundle, `${forged.join('\n')}\n`);
    const { code, stdout } = run(['events', 'verify', bundle]);
    expect([code, stdout.split('\n')[0]]).toEqual([3, 'damage: the signature does not fit']);
  });
});

/** Statements and the exit code that each ends with. */
const statements: [sql: string, code: number][] = [
  ['SELECT count(*) AS n FROM v_keys', 0],
  ['SELECT records FROM coin_pages', 4],
  ['SELECT key FROM "chat_keys"', 4],
  ["SELECT * FROM 'settings'", 4],
  ['SELECT * FROM main.[settings]', 4],
  ['SELECT * FROM `Chat_Keys`', 4],
  ['SELECT sql FROM sqlite_schema', 4],
  ["SELECT * FROM pragma_table_info('x')", 4],
  ['SELECT * FROM /* v_keys */ chat_keys', 4],
  ['WITH v AS (SELECT * FROM tickets) SELECT * FROM v', 4],
  ["ATTACH 'x.db' AS y", 4],
  ['PRAGMA writable_schema = 1', 4],
  ['DELETE FROM v_keys', 4],
  ['WITH x AS (SELECT 1) INSERT INTO v_keys SELECT * FROM x', 1],
  ['SELECT 1; DROP TABLE events', 4],
  ['SELECT nonsense FROM v_keys', 1],
  ['SELECT * FROM dbstat', 4],
];

describe('query', () => {
  it('reads the views and nothing else', async () => {
    const directory = await livedNode();
    for (const [sql, code] of statements) expect(run(['query', sql, '--data', directory]).code, sql).toBe(code);
  });

  it('ends when its time is up, and at its row limit', () => {
    const directory = makeNode();
    const endless = 'WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT ';
    expect(run(['query', `${endless} count(*) FROM n`, '--timeout', '1', '--data', directory]).stderr).toContain(
      'longer than 1 s',
    );
    expect(
      run(['query', `${endless} x FROM n`, '--limit', '5', '--csv', '--data', directory]).stdout.split('\n'),
    ).toHaveLength(7);
  });
});
