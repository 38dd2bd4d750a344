import { Buffer } from 'node:buffer';
import { spawn } from 'node:child_process';
import { programFile } from '../installation.ts';
import { QueryRefused, runQuery } from '../storage/forensics/query.ts';
import { demandNode } from './existing-node.ts';
import { CommandFailure, ExitCode } from './exit-codes.ts';
import { type Format, printRows } from './output.ts';
import { withDatabase } from './with-database.ts';

export interface QueryOptions {
  readonly limit: number;
  readonly timeoutSeconds: number;
  readonly format: Format;
}

/** Set in the process that really runs the query. */
const innerMark = 'inner-query';

/**
 * `raida-node query`: runs in a process of its own, because a single statement cannot be interrupted from within; when
 * its time is up the process ends.
 */
export async function query(sql: string, directory: string, options: QueryOptions): Promise<ExitCode> {
  demandNode(directory);
  const task = JSON.stringify({ sql, directory, limit: options.limit, format: options.format });
  const child = spawn(process.execPath, [programFile, innerMark, task], { stdio: ['ignore', 'inherit', 'inherit'] });
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    child.kill('SIGKILL');
  }, options.timeoutSeconds * 1_000);
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
  clearTimeout(timer);
  if (timedOut) {
    throw new CommandFailure(
      ExitCode.failed,
      `the query took longer than ${options.timeoutSeconds} s; ask for less, or raise --timeout`,
    );
  }
  return (code ?? ExitCode.failed) as ExitCode;
}

/** The inner process. */
export function runInnerQuery(task: string): void {
  const { sql, directory, limit, format } = JSON.parse(task) as {
    sql: string;
    directory: string;
    limit: number;
    format: Format;
  };
  try {
    withDatabase(directory, (database) => {
      const rows = runQuery(database, sql, limit);
      const first = rows.next();
      const columns = first.done === true ? [] : Object.keys(first.value);
      printRows(first.done === true ? [] : prepended(first.value, rows), plain, columns, format);
    });
  } catch (error) {
    if (error instanceof QueryRefused) throw new CommandFailure(ExitCode.refused, error.message);
    throw new CommandFailure(ExitCode.failed, (error as Error).message);
  }
}

type Row = Record<string, unknown>;

function* prepended(first: Row, rest: Iterable<Row>): Generator<Row> {
  yield first;
  yield* rest;
}

function plain(row: Row): Row {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, Buffer.isBuffer(value) ? value.toString('hex') : value]),
  );
}
