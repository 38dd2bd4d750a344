import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { closestTo } from '../src/closest.ts';
import { ConfigError, configFileName, loadConfig, type Override, parseConfig } from '../src/config.ts';
import { run } from './support/cli.ts';
import { makeNode, temporaryFolder } from './support/harness.ts';

/** The file, then the environment, then flags; what is unknown or out of range is named, with the nearest known name. */
function folderWith(text: string): string {
  const folder = temporaryFolder();
  writeFileSync(join(folder, configFileName), text);
  return folder;
}

const flag = (name: string, value: string | number): Override => ({ name, value, origin: '--set' });

function problem(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  }
  return 'understood';
}

describe('settings', () => {
  it('have defaults', () => {
    const config = loadConfig(temporaryFolder(), {});
    expect(config.server).toEqual({ host: '0.0.0.0' });
    expect(config.keys).toMatchObject({ replace: 'same-coin', retention_days: 0, single_use: false, per_coin: 0 });
    expect(config.reconstruction).toMatchObject({ mode: 'on', per_day: 3 });
    expect(config.replay).toEqual({ window_seconds: 60, nonce_reuse: 'refuse' });
    expect(config.metrics).toEqual({});
    expect(config.tickets).toEqual({ recipients: ['1:0-24999'], require_encryption: false });
  });

  it('come from the file, are overridden by the environment, and that by flags', () => {
    const folder = folderWith('[limits]\nbatch = 1\nconnections = 11\nidle_limit_ms = 111\n');
    const environment = { RAIDA_NODE_LIMITS_BATCH: '2', RAIDA_NODE_LIMITS_CONNECTIONS: '22' };
    const { limits } = loadConfig(folder, environment, [flag('limits.batch', '3')]);
    expect([limits.batch, limits.connections, limits.idle_limit_ms]).toEqual([3, 22, 111]);
    expect(limits.header_deadline_ms).toBe(5_000);
  });

  it('of [server] may be given in the environment without their section', () => {
    const folder = folderWith('');
    expect(loadConfig(folder, { RAIDA_NODE_PORT: '5000', RAIDA_NODE_SERVER_HOST: '::1' }).server).toMatchObject({
      port: 5_000,
      host: '::1',
    });
  });

  it('take other variables of the environment for what they are', () => {
    const others = { RAIDA_NODE_DATA: '/x', RAIDA_NODE_PASSPHRASE: 'y', PATH: '/bin', RAIDA: '1' };
    expect(loadConfig(folderWith(''), others)).toEqual(loadConfig(folderWith(''), {}));
  });

  it.each([
    ['keys.replace', 'never', 'never'],
    ['keys.single_use', 'true', true],
    ['tickets.recipients', '["1:0-5", "-3:7-9"]', ['1:0-5', '-3:7-9']],
    ['server.admin_key', '00112233445566778899001122334455', '00112233445566778899001122334455'],
    ['server.host', '127.0.0.1', '127.0.0.1'],
    ['backup.every', '24h', '24h'],
  ])('%s is read from text', (name, text, wanted) => {
    const config = parseConfig('', 'test', [flag(name, text)]);
    const [section = '', key = ''] = name.split('.');
    expect((config as unknown as Record<string, Record<string, unknown>>)[section]?.[key]).toEqual(wanted);
  });

  it("of a deployed server's file are understood as they stand", () => {
    const text = `[server]
raida_id = 14
coin_id = 6
port = 50014
admin_key = "00112233445566778899aabbccddeeff"
threads = 4
backup_freq = 60
udp_effective_payload = 1024
raida_servers = [${Array.from({ length: 25 }, (_, index) => `"raida${index}.example:5000${index}"`).join(', ')}]
`;
    expect(parseConfig(text, 'test').server).toMatchObject({ raida_id: 14, coin_id: 6, port: 50_014 });
  });
});

describe('a setting that cannot be used', () => {
  const inFile: [text: string, names: string][] = [
    ['[limits]\nconections = 5', 'unknown setting limits.conections in test; the nearest known one is connections'],
    ['[limit]\nbatch = 5', 'unknown setting [limit] in test; the nearest known one is limits'],
    ['[server]\nraida_id = 25', 'server.raida_id (test)'],
    ['[server]\nraida_id = -1', 'server.raida_id (test)'],
    ['[server]\nraida_id = 1.5', 'server.raida_id (test)'],
    ['[server]\nport = 65536', 'server.port (test)'],
    ['[server]\nport = "5000"', 'server.port (test)'],
    ['[server]\ncoin_id = 65536', 'server.coin_id (test)'],
    ['[server]\nadmin_key = "0011"', 'expected 32 hexadecimal digits'],
    ['[server]\nhost = ""', 'server.host (test)'],
    ['[limits]\nbatch = 0', 'limits.batch (test)'],
    ['[limits]\nheader_deadline_ms = 9', 'limits.header_deadline_ms (test)'],
    ['[limits]\nunparsed_bytes = 1', 'limits.unparsed_bytes (test)'],
    ['[keys]\nreplace = "sometimes"', 'keys.replace (test)'],
    ['[keys]\nsingle_use = "true"', 'keys.single_use (test)'],
    ['[tickets]\nrecipients = ["1:5"]', 'denomination:first-last'],
    ['[tickets]\nrecipients = "1:0-5"', 'tickets.recipients (test)'],
    ['[backup]\nevery = "59s"', 'a span of a minute or more'],
    ['[log]\nlevel = "loud"', 'log.level (test)'],
    ['server = 5', 'a table [server] is expected'],
    ['[server', 'test is not TOML'],
  ];
  it.each(inFile)('in the file: %j', (text, names) => {
    expect(problem(() => parseConfig(text, 'test'))).toContain(names);
  });

  it('in the environment or a flag is named with where it was given', () => {
    const folder = folderWith('');
    expect(problem(() => loadConfig(folder, { RAIDA_NODE_LIMITS_BACH: '1' }))).toBe(
      'unknown setting environment variable RAIDA_NODE_LIMITS_BACH; the nearest known one is RAIDA_NODE_LIMITS_BATCH',
    );
    expect(problem(() => loadConfig(folder, { RAIDA_NODE_PORT: 'many' }))).toContain('server.port (RAIDA_NODE_PORT)');
    expect(problem(() => loadConfig(folder, {}, [flag('limits.bach', '1')]))).toContain(
      'limits.bach (--set); the nearest known one is limits.batch',
    );
    expect(problem(() => loadConfig(folder, {}, [flag('batch', '1')]))).toContain('(--set)');
    expect(problem(() => loadConfig(folder, {}, [flag('limits.batch', 'x')]))).toContain('limits.batch (--set)');
  });

  it('ends the program with 78 and one line, whoever reads it', () => {
    const directory = makeNode();
    const ran = [
      run(['serve', '--data', directory, '--set', 'limits.batch=0']),
      run(['config', 'check', '--data', directory], { RAIDA_NODE_LOG_LEVEL: 'loud' }),
      run(['config', 'dump', '--data', directory], { RAIDA_NODE_NOTHING: '1' }),
    ];
    for (const { code, stdout, stderr } of ran) {
      expect([code, stdout, stderr.trimEnd().split('\n').length]).toEqual([78, '', 1]);
    }
  });

  it('is no secret in a dump, the admin key is', () => {
    const directory = makeNode();
    const adminKey = '0123456789abcdef0123456789abcdef';
    const file = join(directory, configFileName);
    writeFileSync(file, `[server]\nadmin_key = "${adminKey}"\n`, { mode: 0o644 });
    const refused = run(['config', 'dump', '--data', directory]);
    expect([refused.code, refused.stderr.includes('chmod 600')]).toEqual([78, true]);
    chmodSync(file, 0o600);
    for (const words of [
      ['config', 'dump'],
      ['config', 'dump', '--json'],
    ]) {
      const { code, stdout } = run([...words, '--data', directory]);
      expect([code, stdout.includes(adminKey), stdout.includes('[secret]')]).toEqual([0, false, true]);
    }
  });
});

describe('the nearest name', () => {
  it('takes the fewest changes', () => {
    const names = ['port', 'host', 'raida_id', 'coin_id'];
    expect(['prot', 'hots', 'raidaid', 'coin-id', 'por'].map((word) => closestTo(word, names))).toEqual([
      'port',
      'host',
      'raida_id',
      'coin_id',
      'port',
    ]);
  });
});
