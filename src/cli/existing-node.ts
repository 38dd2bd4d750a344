import { statSync } from 'node:fs';
import { join } from 'node:path';
import { finishInterruptedRestore } from '../storage/backup/interrupted-restore.ts';
import { databaseFileName } from '../storage/data-directory.ts';
import { CommandFailure, ExitCode } from './exit-codes.ts';

export function databaseFile(directory: string): string {
  return join(directory, databaseFileName);
}

/** A restore that was cut off before its last rename is finished first: in that moment the directory only seems empty. */
export function isNode(directory: string): boolean {
  finishInterruptedRestore(directory);
  // Unlike existsSync this tells a place that may not be looked into from one where nothing is.
  return statSync(databaseFile(directory), { throwIfNoEntry: false }) !== undefined;
}

export function demandNode(directory: string): void {
  if (!isNode(directory)) {
    throw new CommandFailure(
      ExitCode.failed,
      `there is no node in ${directory}: make one with "raida-node init --data ${directory}"`,
    );
  }
}
