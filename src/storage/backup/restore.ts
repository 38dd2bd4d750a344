import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, openSync, readdirSync, renameSync, rmSync, writeSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { databaseFileName } from '../data-directory.ts';
import { openDatabaseReadOnly } from '../database.ts';
import { EventReader } from '../events.ts';
import { writeAnchor } from '../head-anchor.ts';
import { makeDirectory } from '../make-directory.ts';
import { ProcessLock } from '../process-lock.ts';
import { schemaVersion } from '../schema-version.ts';
import { syncDirectory } from '../sync.ts';
import { BackupError, type Manifest, readManifest, readParts } from './container.ts';
import { decryptFile, isEncrypted } from './encryption.ts';
import { finishInterruptedRestore, readyFolder } from './interrupted-restore.ts';

export interface RestoreRequest {
  readonly file: string;
  readonly directory: string;
  /** Replaces a node that is there; it is moved aside, never deleted. */
  readonly force: boolean;
  /** Proves everything and changes nothing. */
  readonly dryRun: boolean;
  readonly passphrase?: string | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly progress: (part: string, done: number, total: number) => void;
}

export interface Restored {
  readonly manifest: Manifest;
  /** Where the node that was there before is now. */
  readonly movedAside: string | undefined;
}

/** The directory is not empty, or a node works on it. */
export class RestoreRefused extends Error {}

/**
 * Brings a backup back. Everything is built beside the directory, proved and synced; one rename makes it the node. Killed
 * at any moment, the directory holds the old node or the new one.
 */
export async function restoreBackup(request: RestoreRequest): Promise<Restored> {
  const directory = resolve(request.directory);
  finishInterruptedRestore(directory);
  const occupied = existsSync(directory) && readdirSync(directory).some((name) => name !== '.gitignore');
  if (occupied && !request.force && !request.dryRun) {
    throw new RestoreRefused(`${directory} is not empty: name another directory, or say --force to move it aside`);
  }
  const lock = existsSync(join(directory, databaseFileName)) ? ProcessLock.take(directory) : undefined;
  const staging = join(dirname(directory), `.${basename(directory)}.${randomBytes(4).toString('hex')}.restoring`);
  try {
    makeDirectory(staging);
    const manifest = await build(request, staging);
    if (request.dryRun) return { manifest, movedAside: undefined };
    const movedAside = install(staging, directory, occupied, request.now);
    return { manifest, movedAside };
  } finally {
    lock?.release();
    rmSync(staging, { recursive: true, force: true });
  }
}

async function build(request: RestoreRequest, staging: string): Promise<Manifest> {
  const container = await openContainer(request, staging);
  const manifest = readManifest(container);
  const known = schemaVersion();
  if (manifest.schemaVersion > known) {
    throw new BackupError(
      `the backup has schema version ${manifest.schemaVersion}, this program knows up to ${known}: use a newer program`,
    );
  }
  await extract(container, manifest, staging, request.progress);
  rmSync(join(staging, openedName), { force: true });
  prove(manifest, staging);
  writeAnchor(staging, { ...manifest.head, hash: Buffer.from(manifest.head.hash, 'hex') });
  syncDirectory(staging);
  return manifest;
}

const openedName = 'container.opened';

async function openContainer({ file, passphrase }: RestoreRequest, staging: string): Promise<string> {
  if (!isEncrypted(file)) return file;
  if (passphrase === undefined) throw new BackupError(`${file} is encrypted: give its passphrase`);
  const opened = join(staging, openedName);
  await decryptFile(file, opened, passphrase);
  return opened;
}

async function extract(
  file: string,
  manifest: Manifest,
  staging: string,
  progress: RestoreRequest['progress'],
): Promise<void> {
  const total = manifest.parts.reduce((sum, part) => sum + part.size, 0);
  const descriptors = new Map<string, number>();
  let done = 0;
  try {
    for (const part of manifest.parts) {
      const target = join(staging, part.name);
      if (!target.startsWith(`${staging}/`))
        throw new BackupError(`the backup names a file outside of a node: ${part.name}`);
      makeDirectory(dirname(target));
      descriptors.set(part.name, openSync(target, 'wx', 0o600));
    }
    await readParts(file, manifest, (part, chunk) => {
      writeSync(descriptors.get(part.name) ?? -1, chunk);
      done += chunk.length;
      progress('restoring', done, total);
    });
    for (const descriptor of descriptors.values()) fsyncSync(descriptor);
  } finally {
    for (const descriptor of descriptors.values()) closeSync(descriptor);
  }
  makeDirectory(join(staging, 'coins'));
  for (const name of ['coins', '.']) syncDirectory(join(staging, name));
}

/**
 * Opens what was written, as the node will. That each value is what was once proved is known from the hashes; this is
 * about the file on this disk.
 */
function prove(manifest: Manifest, staging: string): void {
  const database = openDatabaseReadOnly(join(staging, databaseFileName));
  try {
    const verdict = database.pragma('quick_check', { simple: true });
    if (verdict !== 'ok') throw new BackupError(`the backup is damaged: ${String(verdict)}`);
    const { sequence, hash } = new EventReader(database).head();
    if (sequence !== manifest.head.sequence || hash.toString('hex') !== manifest.head.hash) {
      throw new BackupError('the backup is damaged: its event chain does not end where the manifest says');
    }
  } finally {
    database.close();
  }
}

/** Gives the built node its name. Returns where the node before went. */
function install(staging: string, directory: string, occupied: boolean, now: number): string | undefined {
  if (!occupied) {
    takeName(staging, directory);
    return undefined;
  }
  const ready = readyFolder(directory);
  rmSync(ready, { recursive: true, force: true });
  renameSync(staging, ready);
  syncDirectory(dirname(directory));
  const aside = `${directory}.before-restore-${new Date(now).toISOString().replaceAll(/[-:]/g, '').slice(0, 15)}-${randomBytes(2).toString('hex')}`;
  renameSync(directory, aside);
  renameSync(ready, directory);
  syncDirectory(dirname(directory));
  return aside;
}

/** An empty directory is replaced; where it is a mount point, the files move in, the database last. */
function takeName(staging: string, directory: string): void {
  try {
    renameSync(staging, directory);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (!['EBUSY', 'ENOTEMPTY', 'EEXIST', 'EXDEV'].includes(code)) throw error;
    const names = readdirSync(staging).filter((name) => name !== databaseFileName);
    for (const name of [...names, databaseFileName]) renameSync(join(staging, name), join(directory, name));
    syncDirectory(directory);
  }
  syncDirectory(dirname(directory));
}
