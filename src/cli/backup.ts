import { existsSync, rmSync, statSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { configFileName } from '../config.ts';
import { BackupError } from '../storage/backup/container.ts';
import type { CopyProgress } from '../storage/backup/copy-database.ts';
import { createBackup } from '../storage/backup/create.ts';
import { backupFileName, removeOldBackups } from '../storage/backup/retention.ts';
import { openDatabaseReadOnly } from '../storage/database.ts';
import { type NodeIdentity, readIdentity } from '../storage/settings.ts';
import { programVersion } from '../version.ts';
import { UsageError } from './arguments.ts';
import { askNode, ControlFailure } from './control.ts';
import { databaseFile, demandNode } from './existing-node.ts';
import { CommandFailure, ExitCode } from './exit-codes.ts';
import { printFields, printJson } from './output.ts';
import { demandPassphrase } from './passphrase.ts';
import { StepProgress } from './progress.ts';

export interface BackupOptions {
  readonly keep?: number | undefined;
  readonly encrypt: boolean;
  readonly passphraseFile?: string | undefined;
  readonly json: boolean;
}

/** `raida-node backup`: one verified file, made beside a serving node. A folder gets a file named after the time. */
export async function backup(target: string, directory: string, options: BackupOptions): Promise<void> {
  const isFolder = target.endsWith('/') || (existsSync(target) && statSync(target).isDirectory());
  if (options.keep !== undefined && !isFolder) throw new UsageError('--keep goes with a folder, not with a file');
  const passphrase = options.encrypt ? demandPassphrase(options.passphraseFile) : undefined;
  const identity = identityOf(directory);
  if (identity === undefined) throw new CommandFailure(ExitCode.dataDamaged, 'the database belongs to no node');
  const now = Date.now();
  const file = isFolder ? join(target, backupFileName(identity.raidaId, now)) : target;
  setPriority(constants.priority.PRIORITY_LOW);
  const progress = new StepProgress();
  const manifest = await createBackup({
    directory,
    file,
    program: programVersion,
    configFileName,
    copy: (copied, tell) => copyByNode(directory, copied, tell),
    now,
    passphrase,
    progress: (part, done, total) => progress.show(part, done, total),
  }).catch((error: unknown) => {
    throw error instanceof BackupError ? new CommandFailure(ExitCode.damageFound, error.message) : error;
  });
  progress.finish();
  const removed =
    options.keep === undefined
      ? []
      : await removeOldBackups(dirname(file), identity.raidaId, options.keep, basename(file));
  const { coinPages, chatKeys, events, head, createdAt } = manifest;
  const report = { file, createdAt, coinPages, chatKeys, events, sequence: head.sequence, encrypted: options.encrypt };
  if (options.json) printJson({ ...report, manifest, removed });
  else printFields(report);
}

/** Of a database of any schema: a backup is what one makes before an upgrade. */
function identityOf(directory: string): NodeIdentity | undefined {
  demandNode(directory);
  const database = openDatabaseReadOnly(databaseFile(directory));
  try {
    return readIdentity(database);
  } finally {
    database.close();
  }
}

/**
 * Has the serving node make the copy, which takes least from its clients. False where no node serves, or it cannot write
 * there: it may run as another user.
 */
async function copyByNode(directory: string, target: string, progress: CopyProgress): Promise<boolean> {
  try {
    return (await askNode(directory, { verb: 'copy-database', target }, progress)) !== undefined;
  } catch (error) {
    if (!(error instanceof ControlFailure)) throw error;
    rmSync(target, { force: true });
    return false;
  }
}
