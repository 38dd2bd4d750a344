import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run, serve } from '../support/cli.ts';
import { makeNode, talk } from '../support/harness.ts';
import { leaks, patternsOf } from '../support/secret-scan.ts';
import { watchFolder } from '../support/watched.ts';
import { buildRequest, coinBytes, getPayload, postPayload } from '../support/wire.ts';

/**
 * No key and no authentication number in logs at trace level, in metrics, nor in the output of any verb that looks. More of
 * them by SECRETS.
 */
const count = Number(process.env.SECRETS ?? 200);

describe('secrets', () => {
  it('appear nowhere, in hexadecimal, base64 or raw', async () => {
    const adminKey = randomBytes(16);
    const coins = Array.from({ length: count }, (_, index) => ({
      denomination: 1,
      serialNumber: 300 + index,
      secret: randomBytes(16),
    }));
    const keys = Array.from({ length: count }, () => randomBytes(32));
    const keyIds = keys.map(() => randomBytes(16));
    const encryptionKeys = randomBytes(400);
    const file = Buffer.concat([Buffer.from('09010006', 'hex'), Buffer.alloc(36), encryptionKeys]);
    const directory = makeNode(coins, { '01.300.bin': file });
    const settings = ['log.level=trace', 'metrics.listen=127.0.0.1:0', `server.admin_key=${adminKey.toString('hex')}`];
    const node = await serve(
      directory,
      settings.flatMap((setting) => ['--set', setting]),
    );
    for (const [index, coin] of coins.entries()) {
      const name = coinBytes(1, coin.serialNumber);
      const key = keys[index] ?? Buffer.alloc(0);
      const keyId = keyIds[index] ?? Buffer.alloc(16);
      const pad = Buffer.concat([key, randomBytes(96)]);
      const type = ([0, 1, 4] as const)[index % 3] ?? 0;
      const sealed = { type, coins: type === 0 ? [] : [coin] };
      const requests = [
        buildRequest({ group: 4, command: 41, payload: postPayload(keyId, name, pad, 0, 32), ...sealed }),
        buildRequest({ group: 4, command: 41, payload: postPayload(keyId, name, pad, 100, 100), ...sealed }),
        buildRequest({ group: 4, command: 43, payload: getPayload(keyId), ...sealed }),
        buildRequest({ group: 4, command: 44, payload: name, ...sealed }),
        buildRequest({
          group: 4,
          command: 45,
          payload: Buffer.concat([coinBytes(1, 300), Buffer.alloc(26, 1)]),
          ...sealed,
        }),
        buildRequest({ group: 0, command: 0, type: 1, coins: [{ ...coin, secret: randomBytes(16) }] }),
      ];
      await talk(node.port, [Buffer.concat(requests)], 400, 60);
    }
    const [first = Buffer.alloc(16)] = keyIds;
    const outputs = [
      ['keys', 'list', '--json'],
      ['keys', 'list', '--csv'],
      ['keys', 'show', first.toString('hex'), '--json'],
      ['keys', 'history', first.toString('hex'), '--ndjson'],
      ['keys', 'stats', '--json'],
      ['coins', 'show', '1', '300', '--json'],
      ['coins', 'history', '1', '300', '--json'],
      ['coins', 'stats', '--json'],
      ['events', 'list', '--json'],
      ['events', 'stats'],
      ['query', 'SELECT * FROM v_keys', '--json'],
      ['query', 'SELECT * FROM v_coin_events'],
      ['verify', '--json'],
      ['config', 'dump', '--json'],
      ['doctor', '--json'],
      ['health', '--json'],
      ['backup', join(directory, 'copy.backup'), '--json'],
    ].map((words) => {
      const { code, stdout, stderr } = run([...words, '--data', directory]);
      expect(code, words.join(' ')).toBe(words[0] === 'doctor' ? 1 : 0);
      return stdout + stderr;
    });
    const bundle = join(directory, 'bundle.ndjson');
    expect(run(['events', 'export', '--signed', bundle, '--data', directory]).code).toBe(0);
    const metricsPort = /"metricsPort":(\d+)/.exec(node.log())?.[1];
    const served = await Promise.all(
      ['metrics', 'livez', 'readyz'].map(async (path) =>
        (await fetch(`http://127.0.0.1:${metricsPort}/${path}`)).text(),
      ),
    );
    expect(served[0]).toContain('raida_node_requests_total');
    const text = [...outputs, ...served, readFileSync(bundle, 'utf8'), node.log()].join('\n');
    expect(node.log()).toContain('request refused');
    expect(text).toContain(first.toString('hex'));
    const authorityKeys = Array.from({ length: 25 }, (_, index) =>
      encryptionKeys.subarray(index * 16, index * 16 + 16),
    );
    for (const secret of [...coins.map((coin) => coin.secret), ...keys, ...authorityKeys, adminKey]) {
      for (const form of [
        secret.toString('hex'),
        secret.toString('hex').toUpperCase(),
        secret.toString('base64').replace(/=+$/, ''),
        secret.toString('latin1'),
      ]) {
        expect(text.includes(form)).toBe(false);
      }
    }
    await node.end('SIGTERM');
    if (watchFolder === undefined) return;
    const watched = (kind: string) => readFileSync(join(watchFolder ?? '', kind, String(process.pid)), 'utf8');
    expect(watched('secrets'), 'the whole suite is searched for these').toContain(coins[0]?.secret.toString('hex'));
    expect(watched('texts')).toContain(outputs[0]);
  });

  it.each([
    ['hexadecimal', (secret: Buffer) => secret.toString('hex')],
    ['upper-case hexadecimal', (secret: Buffer) => secret.toString('hex').toUpperCase()],
    ['base64', (secret: Buffer) => secret.toString('base64')],
    ['base64 with more behind it', (secret: Buffer) => Buffer.concat([secret, Buffer.alloc(5, 7)]).toString('base64')],
    ['raw bytes', (secret: Buffer) => secret.toString('latin1')],
  ])('would be found as %s among the logs of this suite', (_, formOf) => {
    const secret = randomBytes(16);
    const patterns = patternsOf([secret.toString('hex'), randomBytes(400).toString('hex')]);
    const log = `{"level":10,"msg":"${randomBytes(64).toString('hex')}"}`;
    const text = (middle: string) => Buffer.from(`${log}${middle}${log}`, 'latin1');
    expect(leaks(text(''), patterns)).toEqual([]);
    expect(leaks(text(formOf(secret)), patterns)).toHaveLength(1);
  });
});
