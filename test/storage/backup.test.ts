import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BackupError, readManifest } from '../../src/storage/backup/container.ts';
import { createBackup } from '../../src/storage/backup/create.ts';
import { finishInterruptedRestore } from '../../src/storage/backup/interrupted-restore.ts';
import { restoreBackup } from '../../src/storage/backup/restore.ts';
import { removeOldBackups } from '../../src/storage/backup/retention.ts';
import { rowChecksum } from '../../src/storage/checksum.ts';
import { openDatabase } from '../../src/storage/database.ts';
import { LossDetected } from '../../src/storage/head-anchor.ts';
import { migrateDatabase } from '../../src/storage/migrate.ts';
import { writeIdentity } from '../../src/storage/settings.ts';
import { Store } from '../../src/storage/store.ts';
import { run } from '../support/cli.ts';
import {
  coinId,
  Exchange,
  fixedNow,
  makeNode,
  openBeside,
  openStore,
  raidaId,
  temporaryFolder,
} from '../support/harness.ts';
import { migrationsUpTo } from '../support/old-node.ts';
import { buildRequest, postPayload } from '../support/wire.ts';

/** A backup has its name only when it was proved; a restore is whole or absent; a WAL that was cut is noticed. */
const post = (id: number) =>
  buildRequest({
    group: 4,
    command: 41,
    payload: postPayload(Buffer.alloc(16, id), Buffer.from('010000012c', 'hex'), Buffer.alloc(128, id), 0, 20),
  });

const quiet = () => undefined;

function filledNode(): string {
  const directory = makeNode([{ denomination: 1, serialNumber: 300, secret: Buffer.alloc(16, 1) }], {
    '01.300.bin': Buffer.alloc(440, 6),
  });
  writeFileSync(join(directory, 'config.toml'), '[server]\nraida_id = 14\n');
  const store = Store.open(directory);
  for (let id = 1; id <= 30; id += 1) new Exchange(store).send(post(id));
  store.close();
  return directory;
}

const backupOf = (directory: string, file: string, passphrase?: string) =>
  createBackup({
    directory,
    file,
    program: 'test',
    configFileName: 'config.toml',
    copy: async () => false,
    now: fixedNow,
    passphrase,
    progress: quiet,
  });

const restoreTo = (file: string, directory: string, more: object = {}) =>
  restoreBackup({ file, directory, force: false, dryRun: false, now: fixedNow, progress: quiet, ...more });

/** Everything that a node knows, as one digest. */
function contentOf(directory: string): string {
  const database = openBeside(directory);
  const hash = createHash('sha256');
  for (const table of ['coin_pages', 'free_pages', 'chat_keys', 'events', 'reconstructions', 'settings', 'tickets']) {
    for (const row of database.prepare(`SELECT * FROM ${table} ORDER BY 1, 2`).raw().all())
      hash.update(JSON.stringify(row));
  }
  return hash.digest('hex');
}

describe('backup and restore', () => {
  it('bring back the same node, beside a store that goes on writing', async () => {
    const directory = filledNode();
    const file = join(temporaryFolder(), 'node.backup');
    const store = openStore(directory);
    const before = contentOf(directory);
    const making = backupOf(directory, file);
    const manifest = await making;
    new Exchange(store).send(post(99));
    expect(manifest.chatKeys).toBe(30);
    expect(manifest.head.sequence).toBe(30);
    const target = join(temporaryFolder(), 'restored');
    await restoreTo(file, target);
    expect(contentOf(target)).toBe(before);
    expect(readFileSync(join(target, 'coins/01.300.bin'))).toEqual(Buffer.alloc(440, 6));
    expect(readFileSync(join(target, 'config.toml'), 'utf8')).toContain('raida_id = 14');
    expect(new Exchange(openStore(target)).status(post(31))).toBe(250);
  });

  it('work under a passphrase, and only under that one', async () => {
    const folder = temporaryFolder();
    const file = join(folder, 'node.backup');
    await backupOf(filledNode(), file, 'correct horse');
    expect(readFileSync(file).includes('SQLite format')).toBe(false);
    await expect(restoreTo(file, join(folder, 'a'))).rejects.toThrow('give its passphrase');
    await expect(restoreTo(file, join(folder, 'a'), { passphrase: 'wrong' })).rejects.toThrow(BackupError);
    await restoreTo(file, join(folder, 'a'), { passphrase: 'correct horse' });
    expect(existsSync(join(folder, 'a/node.db'))).toBe(true);
    expect(readdirSync(folder).sort()).toEqual(['a', 'node.backup']);
  });

  it('refuse a file in which any bit was changed, and leave nothing behind', async () => {
    const folder = temporaryFolder();
    const file = join(folder, 'node.backup');
    await backupOf(filledNode(), file);
    const sound = readFileSync(file);
    for (let round = 0; round < 40; round += 1) {
      const damaged = Buffer.from(sound);
      const place = Math.floor((round / 40) * damaged.length) + 7;
      damaged[place] = (damaged[place] ?? 0) ^ (1 << (round % 8));
      writeFileSync(join(folder, 'damaged'), damaged);
      await expect(restoreTo(join(folder, 'damaged'), join(folder, 'target')), `byte ${place}`).rejects.toThrow(
        BackupError,
      );
      expect(existsSync(join(folder, 'target'))).toBe(false);
    }
    writeFileSync(join(folder, 'damaged'), sound.subarray(0, sound.length - 1));
    expect(() => readManifest(join(folder, 'damaged'))).toThrow(BackupError);
  });

  it('never overwrite a node: without force refused, with force moved aside', async () => {
    const folder = temporaryFolder();
    const file = join(folder, 'node.backup');
    const directory = filledNode();
    await backupOf(directory, file);
    const target = join(folder, 'target');
    await restoreTo(file, target);
    writeFileSync(join(target, 'mine.txt'), 'mine');
    await expect(restoreTo(file, target)).rejects.toThrow('not empty');
    await restoreTo(file, target, { dryRun: true, force: true });
    expect(existsSync(join(target, 'mine.txt'))).toBe(true);
    const { movedAside } = await restoreTo(file, target, { force: true });
    expect(readFileSync(join(String(movedAside), 'mine.txt'), 'utf8')).toBe('mine');
    expect(existsSync(join(target, 'mine.txt'))).toBe(false);
  });

  it('fill an empty directory, and finish a restore that was cut off between its renames', async () => {
    const folder = temporaryFolder();
    const file = join(folder, 'node.backup');
    await backupOf(filledNode(), file);
    mkdirSync(join(folder, 'empty'));
    await restoreTo(file, join(folder, 'empty'));
    expect(existsSync(join(folder, 'empty/node.db'))).toBe(true);
    await restoreTo(file, join(folder, 'other.restored'));
    finishInterruptedRestore(join(folder, 'other'));
    expect(existsSync(join(folder, 'other/node.db'))).toBe(true);
    await restoreTo(file, join(folder, 'third.restored'));
    expect(run(['init', '--data', join(folder, 'third')]).code).toBe(4);
    expect(contentOf(join(folder, 'third'))).toBe(contentOf(join(folder, 'other')));
  });

  it('replace an older file of the same name, and leave nothing else', async () => {
    const directory = filledNode();
    const folder = temporaryFolder();
    const file = join(folder, 'node.backup');
    await backupOf(directory, file);
    const store = Store.open(directory);
    new Exchange(store).send(post(31));
    store.close();
    await backupOf(directory, file);
    expect(readManifest(file).chatKeys).toBe(31);
    expect(readdirSync(folder)).toEqual(['node.backup']);
  });

  it('keep the newest backups only, and touch nothing else', async () => {
    const folder = temporaryFolder();
    const names = ['20260101T000000Z', '20260102T000000Z', '20260103T000000Z'].map((time) => `raida-14-${time}.backup`);
    for (const name of [...names, 'raida-15-20250101T000000Z.backup', 'notes.txt'])
      writeFileSync(join(folder, name), '');
    expect(await removeOldBackups(folder, 14, 2, names[2] ?? '')).toEqual([names[0]]);
    expect(readdirSync(folder)).toHaveLength(4);
    expect(await removeOldBackups(folder, 14, 1, names[1] ?? ''), 'made under a clock that was behind').toEqual([
      names[2],
    ]);
  });

  it('do not back up damage', async () => {
    const directory = filledNode();
    openBeside(directory).exec("UPDATE chat_keys SET key = x'00' WHERE key_id = x'05050505050505050505050505050505'");
    const file = join(temporaryFolder(), 'node.backup');
    await expect(backupOf(directory, file)).rejects.toThrow('damaged');
    expect(existsSync(file)).toBe(false);
  });
});

describe('anchor', () => {
  it('notices acknowledged work that is missing; the loss can be accepted', () => {
    const directory = filledNode();
    const store = Store.open(directory);
    const copy = readFileSync(join(directory, 'node.db'));
    new Exchange(store).send(post(77));
    store.close();
    rmSync(join(directory, 'node.db-wal'), { force: true });
    writeFileSync(join(directory, 'node.db'), copy);
    expect(() => Store.open(directory)).toThrow(LossDetected);
    const accepted = Store.open(directory, true);
    expect(accepted.acceptedLoss).toContain('ends at 30');
    accepted.close();
    Store.open(directory).close();
  });

  it('notices another history of the same length', () => {
    const directory = filledNode();
    openBeside(directory).exec(
      "UPDATE events SET hash = x'00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff' WHERE sequence = 30",
    );
    expect(() => Store.open(directory)).toThrow(LossDetected);
  });
});

describe('the database of a program before', () => {
  it.each([4, 5, 6])('is backed up as it is before it is brought up to date: schema %i', async (schema) => {
    const directory = temporaryFolder();
    mkdirSync(join(directory, 'coins'));
    writeFileSync(join(directory, 'config.toml'), '[server]\nraida_id = 14\n');
    const database = openDatabase(join(directory, 'node.db'));
    migrateDatabase(database, migrationsUpTo(schema));
    writeIdentity(database, { raidaId, coinId }, Buffer.alloc(32, 7));
    const columns = [fixedNow, Buffer.alloc(34, 1), Buffer.alloc(16, 2), 250, Buffer.alloc(0)] as const;
    const insert = database.prepare(
      `INSERT INTO authenticated_requests (time, identity, body, status, payload, checksum)
       VALUES (?, ?, ?, ?, coalesce(?, zeroblob(0)), ?)`,
    );
    insert.run(...columns, rowChecksum(columns));
    const file = join(temporaryFolder(), 'before.raida');
    await backupOf(directory, file);
    expect(readManifest(file).schemaVersion).toBe(schema);
    insert.run(...columns, 1);
    database.close();
    await expect(backupOf(directory, `${file}.damaged`)).rejects.toThrow('authenticated request 2 is damaged');
  });
});
