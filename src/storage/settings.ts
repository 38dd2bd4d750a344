import { Buffer } from 'node:buffer';
import type { Database } from 'better-sqlite3';
import { rowChecksum } from './checksum.ts';
import { DamagedRow } from './damage.ts';

/** What the node knows about itself, fixed when it is made. */
export interface NodeIdentity {
  readonly raidaId: number;
  readonly coinId: number;
}

const sealingKeyName = 'sealing_key';
const identityName = 'identity';

export function readIdentity(database: Database): NodeIdentity | undefined {
  const value = readSetting(database, identityName);
  return value === undefined ? undefined : (JSON.parse(value.toString('utf8')) as NodeIdentity);
}

/** The secret under which the halves that reconstructions replace are sealed. */
export function readSealingKey(database: Database): Buffer | undefined {
  return readSetting(database, sealingKeyName);
}

export function writeIdentity(database: Database, identity: NodeIdentity, sealingKey: Buffer): void {
  const { raidaId, coinId } = identity;
  writeSetting(database, identityName, Buffer.from(JSON.stringify({ raidaId, coinId })));
  writeSetting(database, sealingKeyName, sealingKey);
}

/** Throws DamagedRow. */
export function readSetting(database: Database, name: string): Buffer | undefined {
  const row = database
    .prepare<[string], { value: Buffer; checksum: number }>('SELECT value, checksum FROM settings WHERE name = ?')
    .get(name);
  if (row === undefined) return undefined;
  if (rowChecksum([name, row.value]) !== row.checksum) throw new DamagedRow(`setting ${name}`);
  return row.value;
}

export function writeSetting(database: Database, name: string, value: Buffer): void {
  database
    .prepare('INSERT OR REPLACE INTO settings (name, value, checksum) VALUES (?, ?, ?)')
    .run(name, value, rowChecksum([name, value]));
}
