import { existsSync } from 'node:fs';
import { BackupError } from '../storage/backup/container.ts';
import { RestoreRefused, restoreBackup } from '../storage/backup/restore.ts';
import { CommandFailure, ExitCode } from './exit-codes.ts';
import { printFields, printJson } from './output.ts';
import { readPassphrase } from './passphrase.ts';
import { StepProgress } from './progress.ts';

export interface RestoreOptions {
  readonly force: boolean;
  readonly dryRun: boolean;
  readonly passphraseFile?: string | undefined;
  readonly json: boolean;
}

/** `raida-node restore`: proves a backup and makes it the node of a directory. */
export async function restore(file: string, directory: string, options: RestoreOptions): Promise<void> {
  if (!existsSync(file)) throw new CommandFailure(ExitCode.failed, `there is no file ${file}`);
  const progress = new StepProgress();
  const { manifest, movedAside } = await restoreBackup({
    file,
    directory,
    force: options.force,
    dryRun: options.dryRun,
    passphrase: readPassphrase(options.passphraseFile),
    now: Date.now(),
    progress: (part, done, total) => progress.show(part, done, total),
  }).catch((error: unknown) => {
    if (error instanceof BackupError || error instanceof RestoreRefused) {
      throw new CommandFailure(ExitCode.refused, error.message);
    }
    throw error;
  });
  progress.finish();
  const { raidaId, createdAt, coinPages, chatKeys, events, head } = manifest;
  const report = {
    raidaId,
    createdAt,
    coinPages,
    chatKeys,
    events,
    sequence: head.sequence,
    restored: !options.dryRun,
    movedAside: movedAside ?? null,
  };
  if (options.json) printJson(report);
  else printFields(report);
}
