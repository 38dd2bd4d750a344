import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Config, configFileName, loadConfig, type Override, parseConfig } from '../config.ts';
import { coinsDirectoryName } from '../storage/data-directory.ts';
import { makeDirectory } from '../storage/make-directory.ts';
import { ProcessLock } from '../storage/process-lock.ts';
import type { NodeIdentity } from '../storage/settings.ts';
import { Store } from '../storage/store.ts';
import { isNode } from './existing-node.ts';
import { CommandFailure, ExitCode } from './exit-codes.ts';

/** CloudCoin. */
const defaultCoinId = 6;
const defaultRaidaId = 0;

/** What a new node is made with; what is missing comes from its config.toml, if one is there, or from the defaults. */
export interface NewNode {
  readonly raidaId?: number | undefined;
  readonly coinId?: number | undefined;
  readonly port?: number | undefined;
  /** 32 hexadecimal digits; a random one otherwise. */
  readonly adminKey?: string | undefined;
}

/** Makes a node: directory, encryption coin folder, configuration, database. Refuses to touch an existing one. */
export function createNode(directory: string, wanted: NewNode): NodeIdentity {
  if (isNode(directory)) {
    throw new CommandFailure(ExitCode.refused, `there is a node in ${directory} already; it was left as it is`);
  }
  makeDirectories(directory);
  const lock = ProcessLock.take(directory);
  try {
    const configFile = join(directory, configFileName);
    const written = existsSync(configFile) ? parseConfig(readFileSync(configFile, 'utf8'), configFile) : undefined;
    const identity = {
      raidaId: wanted.raidaId ?? written?.server.raida_id ?? defaultRaidaId,
      coinId: wanted.coinId ?? written?.server.coin_id ?? defaultCoinId,
    };
    if (written === undefined) writeConfigFile(configFile, identity, wanted);
    Store.create(directory, identity, { bytes: (size) => randomBytes(size) }).close();
    return identity;
  } finally {
    lock.release();
  }
}

/** The configuration of an existing node; one that names another RAIDA or coin than the database is refused. */
export function loadNodeConfig(directory: string, flags: readonly Override[], identity: NodeIdentity): Config {
  const config = loadConfig(directory, process.env, flags);
  demandSame('raida_id', config.server.raida_id, identity.raidaId);
  demandSame('coin_id', config.server.coin_id, identity.coinId);
  return config;
}

function demandSame(name: string, configured: number | undefined, stored: number): void {
  if (configured === undefined || configured === stored) return;
  throw new CommandFailure(
    ExitCode.configuration,
    `server.${name} is ${configured}, but this database was made for ${stored}: use the right data directory, or correct the setting`,
  );
}

function makeDirectories(directory: string): void {
  try {
    makeDirectory(join(directory, coinsDirectoryName));
    chmodSync(directory, 0o700);
  } catch (error) {
    throw new CommandFailure(ExitCode.cannotCreate, `cannot create ${directory}: ${(error as Error).message}`);
  }
}

function writeConfigFile(file: string, identity: NodeIdentity, wanted: NewNode): void {
  const port = wanted.port === undefined ? '# port = 50000 plus raida_id' : `port = ${wanted.port}`;
  const text = `# Settings of this node. docs/operations.md lists them all with their defaults.

[server]
raida_id = ${identity.raidaId}
coin_id = ${identity.coinId}
${port}
# Whoever knows this key may ask for statistics over the wire.
admin_key = "${wanted.adminKey ?? randomBytes(16).toString('hex')}"
`;
  const temporary = `${file}.new`;
  writeFileSync(temporary, text, { mode: 0o600 });
  renameSync(temporary, file);
}
