import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Manifest } from './container.ts';

/** When this node was last backed up with success, for `doctor` and the metrics. */
export interface BackupRecord {
  readonly file: string;
  readonly createdAt: string;
  readonly sequence: number;
}

const recordFileName = 'last-backup.json';

export function writeBackupRecord(directory: string, file: string, { createdAt, head }: Manifest): void {
  const record: BackupRecord = { file, createdAt, sequence: head.sequence };
  const temporary = join(directory, `${recordFileName}.new`);
  writeFileSync(temporary, `${JSON.stringify(record)}\n`, { mode: 0o600 });
  renameSync(temporary, join(directory, recordFileName));
}

/** The last verified backup; undefined where there is none. */
export function readBackupRecord(directory: string): BackupRecord | undefined {
  try {
    return JSON.parse(readFileSync(join(directory, recordFileName), 'utf8')) as BackupRecord;
  } catch {
    return undefined;
  }
}
