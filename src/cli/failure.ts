import SqliteDatabase from 'better-sqlite3';
import { ConfigError } from '../config.ts';
import { StorageError } from '../storage/database.ts';
import { DirectoryInUse } from '../storage/process-lock.ts';
import { CommandFailure, ExitCode } from './exit-codes.ts';

const inputOutputErrors = ['EACCES', 'EIO', 'EMFILE', 'ENFILE', 'ENOSPC', 'EPERM', 'EROFS'];

/** What a script is told of a failure. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CommandFailure) return error.exitCode;
  if (error instanceof ConfigError) return ExitCode.configuration;
  if (error instanceof DirectoryInUse) return ExitCode.refused;
  if (error instanceof StorageError) return ExitCode.dataDamaged;
  if (error instanceof SqliteDatabase.SqliteError) return sqliteExitCode(error.code);
  const { code } = error as NodeJS.ErrnoException;
  return code !== undefined && inputOutputErrors.includes(code) ? ExitCode.inputOutput : ExitCode.failed;
}

function sqliteExitCode(code: string): ExitCode {
  return code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB' ? ExitCode.dataDamaged : ExitCode.inputOutput;
}
