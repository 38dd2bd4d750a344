import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { RaidaClient } from '../../src/client/client.ts';
import { run, runJson, serve } from '../support/cli.ts';
import { makeNode, openBeside, temporaryFolder } from '../support/harness.ts';
import { coinBytes, ctr } from '../support/wire.ts';

/** What the operator asks of a running node over the socket in its directory. */
const keys = Buffer.from(Array.from({ length: 400 }, (_, index) => (index * 7) & 0xff));
const encryptionCoin = Buffer.concat([Buffer.from('09010006', 'hex'), Buffer.alloc(36), keys]);
const lost = { denomination: 2, serialNumber: 77, secret: Buffer.alloc(16, 0xc2) };
const owner = { denomination: 1, serialNumber: 9 };

function connect(port: number): Promise<RaidaClient> {
  return RaidaClient.connect({ host: '127.0.0.1', port, raidaId: 14, coinId: 6 });
}

function secretOf(directory: string): string {
  const sql = 'SELECT hex(substr(records, ?, 16)) FROM coin_pages WHERE denomination = 2';
  return openBeside(directory)
    .prepare(sql)
    .pluck()
    .get(77 * 17 + 1) as string;
}

it('removes old keys, each with an event of its own, while the node serves', async () => {
  const directory = makeNode();
  const node = await serve(directory);
  const client = await connect(node.port);
  for (let id = 1; id <= 3; id += 1)
    await client.postKey(Buffer.alloc(16, id), { coin: owner, key: Buffer.alloc(id, 1) });
  expect(run(['keys', 'purge', '--older-than', '1d', '--data', directory]).stdout).toBe('0 keys removed\n');
  expect(runJson(['keys', 'purge', '--older-than', '0s', '--data', directory])).toEqual({ removed: 3 });
  await expect(client.getKey(Buffer.alloc(16, 1))).rejects.toThrow('FILESYSTEM');
  client.close();
  const history = runJson<{ action: string }[]>(['keys', 'history', '01'.repeat(16), '--data', directory]);
  expect(history.map(({ action }) => action)).toEqual(['get-key', 'key-purged', 'post-key']);
});

it('undoes a reconstruction while the node serves, and says why it cannot', async () => {
  const directory = makeNode([lost], { '01.300.bin': encryptionCoin });
  const node = await serve(directory);
  const client = await connect(node.port);
  const clear = Buffer.concat([Buffer.alloc(8, 9), coinBytes(2, 77), Buffer.from('1234ff', 'hex')]);
  const ticket = ctr(keys.subarray(48, 64), Buffer.alloc(16), clear);
  const records = [{ splitId: 0 as const, authority: 3, target: lost, ticket }];
  expect(await client.decryptRaidaKey({ denomination: 1, serialNumber: 300 }, records)).toEqual([true]);
  client.close();
  expect(secretOf(directory).slice(0, 16)).toBe('09'.repeat(8));
  expect(run(['coins', 'revert', '1', '--data', directory])).toMatchObject({ code: 0 });
  expect(secretOf(directory)).toBe('C2'.repeat(16));
  const refused = run(['coins', 'revert', '99', '--data', directory]);
  expect([refused.code, refused.stderr]).toEqual([
    4,
    'raida-node: event 99 replaced nothing, or it is no longer kept\n',
  ]);
});

it('copies its database for a backup, and keeps the socket to its owner', async () => {
  const directory = makeNode();
  const node = await serve(directory);
  const socket = join(directory, 'control.sock');
  expect(statSync(socket).mode & 0o077).toBe(0);
  const file = join(temporaryFolder(), 'node.backup');
  expect(run(['backup', file, '--data', directory]).code).toBe(0);
  await expect.poll(() => node.log()).toContain('copy-database');
  expect(run(['restore', file, '--data', join(temporaryFolder(), 'x'), '--dry-run']).code).toBe(0);
  await node.end('SIGKILL');
  expect(existsSync(socket)).toBe(true);
  expect(run(['keys', 'purge', '--older-than', '1d', '--data', directory]).code).toBe(0);
  expect((await (await serve(directory)).end('SIGTERM')).code).toBe(0);
});
