import { statfsSync } from 'node:fs';
import SqliteDatabase from 'better-sqlite3';
import { ConfigError } from '../config.ts';
import { DamagedRow } from '../storage/damage.ts';
import { StorageError } from '../storage/database.ts';
import { DirectoryInUse } from '../storage/process-lock.ts';
import { CommandFailure, ExitCode } from './exit-codes.ts';

/** What the operator and his scripts are told of a failure. */
export interface Explanation {
  readonly exitCode: ExitCode;
  /** Cause and cure, one line. */
  readonly message: string;
}

const notPermitted = ['EACCES', 'EPERM', 'EROFS'];
const diskFailed = ['EIO', 'EMFILE', 'ENFILE', 'ENOSPC', 'EDQUOT'];

/** `directory` is the data directory that the command worked on. */
export function explainFailure(error: unknown, directory: string): Explanation {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof CommandFailure) return { exitCode: error.exitCode, message };
  if (error instanceof ConfigError) return { exitCode: ExitCode.configuration, message };
  if (error instanceof DirectoryInUse) return { exitCode: ExitCode.refused, message };
  if (error instanceof StorageError || error instanceof DamagedRow) return damaged(directory, message);
  if (error instanceof SqliteDatabase.SqliteError) return explainSqlite(error, directory);
  const { code = '' } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') {
    return { exitCode: ExitCode.failed, message: `${message}: stop what listens there, or choose another with --port` };
  }
  if (notPermitted.includes(code)) return notWritable(directory, message);
  if (diskFailed.includes(code)) return { exitCode: ExitCode.inputOutput, message: withSpace(directory, message) };
  return { exitCode: ExitCode.failed, message };
}

function explainSqlite({ code, message }: { code: string; message: string }, directory: string): Explanation {
  if (/^SQLITE_(?:READONLY|CANTOPEN|PERM|AUTH)/.test(code)) return notWritable(directory, message);
  // A statement that was sound when this program was built fails on another schema only.
  if (/^SQLITE_(?:CORRUPT|NOTADB|ERROR|SCHEMA|FORMAT|MISMATCH)/.test(code)) {
    return damaged(directory, `the database is not a node's, or is damaged: ${message}`);
  }
  return { exitCode: ExitCode.inputOutput, message: withSpace(directory, `${message} (${code})`) };
}

function damaged(directory: string, message: string): Explanation {
  const cure = message.includes(directory) ? '' : ` (${directory}; restore a backup with "raida-node restore")`;
  return { exitCode: ExitCode.dataDamaged, message: `${message}${cure}` };
}

function notWritable(directory: string, message: string): Explanation {
  return {
    exitCode: ExitCode.cannotCreate,
    message: `${directory} cannot be used by this user (${message}): check owner, permissions and mount`,
  };
}

const nearlyFull = 1_048_576;

function withSpace(directory: string, message: string): string {
  try {
    const { bavail, bsize } = statfsSync(directory);
    if (bavail * bsize < nearlyFull) return `the disk of ${directory} is full: make room (${message})`;
  } catch {}
  return `the disk of ${directory} failed: ${message}`;
}
