import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run, runJson, type Served, serve } from '../support/cli.ts';
import { type GivenCoin, makeNode, openBeside, temporaryFolder } from '../support/harness.ts';
import { coinBytes, ctr } from '../support/wire.ts';

/** `call`: every command of the node under every encryption type, sent by the built program to the built program. */
const adminKey = '0123456789abcdef0123456789abcdef';
const holder: GivenCoin = { denomination: 2, serialNumber: 77, secret: Buffer.alloc(16, 0x11) };
const second: GivenCoin = { denomination: -3, serialNumber: 1_023_999, secret: Buffer.alloc(16, 0x22) };
const server: GivenCoin = { denomination: 1, serialNumber: 14_001, secret: Buffer.alloc(16, 0x33) };
const keys = Buffer.from(Array.from({ length: 400 }, (_, index) => (index * 13) & 0xff));
const coinFile = Buffer.concat([Buffer.from('09010006', 'hex'), Buffer.alloc(36), keys]);
const keyId = 'ab'.repeat(16);

const sealedBy = (...coins: readonly GivenCoin[]) =>
  coins.flatMap(({ denomination, serialNumber, secret }) => [
    '--coin',
    `${denomination}:${serialNumber}`,
    '--an',
    secret.toString('hex'),
  ]);

async function node(): Promise<{ served: Served; directory: string; call: (...words: string[]) => string[] }> {
  const directory = makeNode([holder, second, server], { '01.14001.bin': coinFile });
  const served = await serve(directory, ['--set', `server.admin_key=${adminKey}`]);
  return { served, directory, call: (...words) => ['call', `127.0.0.1:${served.port}`, ...words, '--raida-id', '14'] };
}

const seals: [name: string, words: string[]][] = [
  ['type 0', []],
  ['type 1', [...sealedBy(holder), '--type', '1']],
  ['type 4, which one coin means', sealedBy(holder)],
  ['type 5, which two coins mean', sealedBy(holder, second)],
];

describe('call', () => {
  it.each(seals)('%s: status commands', async (_, seal) => {
    const { call } = await node();
    expect(runJson(call('echo', ...seal))).toEqual({ status: 'SUCCESS' });
    expect(runJson<{ version: string }>(call('version', ...seal)).version).toMatch(/^\d+\.\d+\.\d+/);
    expect(runJson(call('show-stats', adminKey, ...seal))).toMatchObject({ requests: 2, failures: 0 });
    const { counts } = runJson<{ counts: { denomination: number; inUse: number }[] }>(call('count-coins', ...seal));
    expect(counts.filter(({ inUse }) => inUse > 0)).toEqual([
      { denomination: -3, inUse: 1 },
      { denomination: 1, inUse: 1 },
      { denomination: 2, inUse: 1 },
    ]);
  });

  it.each(seals)('%s: keys', async (_, seal) => {
    const { call } = await node();
    const file = join(temporaryFolder(), 'key');
    writeFileSync(file, 'c0ffee\n');
    expect(runJson(call('post-key', keyId, '1:300', `@${file}`, ...seal))).toEqual({ status: 'SUCCESS' });
    expect(runJson(call('get-key', keyId, ...seal))).toEqual({ coin: '1:300', key: 'c0ffee' });
    expect(runJson(call('key-alert', 'a key waits', ...seal))).toEqual({ status: 'SUCCESS' });
    const { encryptedKey, sessionKey } = runJson<{ encryptedKey: string; sessionKey: string }>(
      call('encrypt-key', '1:14001', server.secret.toString('hex'), ...seal),
    );
    const opened = Buffer.from(encryptedKey, 'hex').map((byte) => byte ^ 0x33);
    expect(sessionKey).toBe(Buffer.from(opened).toString('hex'));
  });

  it('carries a secret over: tickets asked for and handed in', async () => {
    const { call, directory } = await node();
    const nonce = ['--nonce', 'a0a1a2a3a4a5a6a7'];
    const { ticket } = runJson<{ ticket: string }>(
      call('ticket', '1:14001', 'a1a2a3a4a5a6a7a8', ...nonce, ...sealedBy(holder)),
    );
    const block = Buffer.from('a0a1a2a3a4a5a6a70000000000000000', 'hex');
    const clear = ctr(server.secret, block, Buffer.from(ticket, 'hex')).toString('hex');
    expect([clear.slice(0, 26), clear.slice(-2)]).toEqual(['a1a2a3a4a5a6a7a8020000004d', 'ff']);
    const sealed = (authority: number) =>
      ctr(
        keys.subarray(16 * authority, 16 * authority + 16),
        block,
        Buffer.concat([Buffer.alloc(8, 0xa0 + authority), coinBytes(2, 77), Buffer.from('0000ff', 'hex')]),
      ).toString('hex');
    const words = [`0,3,2:77,${sealed(3)}`, `1,4,2:77,${sealed(4)}`, `1,5,2:77,${sealed(4)}`];
    expect(runJson(call('decrypt-raida-key', '1:14001', ...words, ...nonce))).toEqual({
      accepted: [true, true, false],
    });
    const restored = 'a3'.repeat(8) + 'a4'.repeat(8);
    const echoed = run(call('echo', '--coin', '2:77', '--an', restored, '--type', '1'));
    expect(echoed.code).toBe(0);
    expect(run(call('echo', ...sealedBy(holder))).code).toBe(1);
    const reasons = openBeside(directory).prepare('SELECT reason FROM reconstructions ORDER BY position').pluck().all();
    expect(reasons).toEqual([null, null, 'ticket-does-not-open']);
  });

  it('says why a node refused, with exit 1', async () => {
    const { call } = await node();
    const refusals: [words: string[], status: string][] = [
      [['get-key', keyId], 'FILESYSTEM'],
      [['show-stats', '00'.repeat(16)], 'ADMIN_AUTH'],
      [['encrypt-key', '1:9'], 'INVALID_SN_OR_DENOMINATION'],
      [['ticket', '2:77', '00'.repeat(8)], 'INVALID_SN_OR_DENOMINATION'],
      [['decrypt-raida-key', '1:9', `0,3,2:77,${'00'.repeat(16)}`], 'COIN_LOAD'],
      [['echo', '--coin', '2:77', '--an', '00'.repeat(16), '--type', '1'], 'INVALID_CRC'],
      [['echo', '--coin', '2:77', '--an', '00'.repeat(16)], 'INVALID_HMAC'],
      [['echo', '--coin', '2:78', '--an', '00'.repeat(16)], 'ENCRYPTION_COIN_NOT_FOUND'],
      [['echo', '--coin-id', '7'], 'INVALID_COIN_ID'],
    ];
    for (const [words, status] of refusals) {
      const { code, stdout, stderr } = run(call(...words));
      expect([code, stdout, stderr], words.join(' ')).toEqual([1, '', expect.stringContaining(status)]);
      expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    }
  });

  it('answers usage errors with 2 and a line that helps', async () => {
    const { served, call } = await node();
    const wrong = [
      call('frobnicate'),
      call('get-key', 'xyz'),
      call('post-key', keyId, '9:9', '00'),
      call('echo', '--coin', '2:77'),
      call('echo', '--type', '3', ...sealedBy(holder)),
      call('decrypt-raida-key', '1:14001'),
      ['call', 'nowhere', 'echo'],
    ];
    for (const words of wrong) {
      const { code, stdout, stderr } = run(words);
      // Clients that connect and hang up without a word cost the node nothing.
      await new Promise((next) => setImmediate(next));
      const { exitCode, signalCode } = served.process;
      expect({ exitCode, signalCode }, `the node after ${words.join(' ')}`).toEqual({
        exitCode: null,
        signalCode: null,
      });
      expect([code, stdout, stderr], words.join(' ')).toEqual([2, '', expect.stringContaining('Try: raida-node call')]);
    }
  });

  it('says so in one line when nobody listens', async () => {
    const { served, call } = await node();
    await served.end('SIGTERM');
    const { code, stderr } = run(call('echo'));
    expect([code, stderr.trimEnd().split('\n').length]).toEqual([1, 1]);
  });
});
