import type { Database } from 'better-sqlite3';

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
  const insert = database.prepare('INSERT INTO settings (name, value) VALUES (?, ?)');
  insert.run(identityName, Buffer.from(JSON.stringify({ raidaId: identity.raidaId, coinId: identity.coinId })));
  insert.run(sealingKeyName, sealingKey);
}

function readSetting(database: Database, name: string): Buffer | undefined {
  return database.prepare<[string], Buffer>('SELECT value FROM settings WHERE name = ?').pluck().get(name);
}
