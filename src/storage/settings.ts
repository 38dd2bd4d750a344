import type { Database } from 'better-sqlite3';
import { rowChecksum } from './checksum.ts';

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

export function readSetting(database: Database, name: string): Buffer | undefined {
  return database.prepare<[string], Buffer>('SELECT value FROM settings WHERE name = ?').pluck().get(name);
}

export function writeSetting(database: Database, name: string, value: Buffer): void {
  database
    .prepare('INSERT OR REPLACE INTO settings (name, value, checksum) VALUES (?, ?, ?)')
    .run(name, value, rowChecksum([name, value]));
}
