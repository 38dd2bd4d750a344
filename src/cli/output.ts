import { Buffer } from 'node:buffer';
import { writeSync } from 'node:fs';

/** Standard output is data: a table for people, JSON, NDJSON or CSV for programs. */
export type Cell = string | number | boolean | null | undefined;
export type Format = 'table' | 'json' | 'ndjson' | 'csv';

/** Anything with named values; what is not a cell is shown as JSON. */
type Row = Readonly<Record<string, unknown>>;

const standardOutput = 1;
/** Rows whose widths make the columns of a table; later rows are fitted in as they come. */
const tableSample = 200;

export function printJson(value: unknown): void {
  print(`${JSON.stringify(value, null, 2)}\n`);
}

/** Streams rows as they come: memory does not grow with their number. */
export function printRows<T>(
  records: Iterable<T>,
  view: (record: T) => Row,
  columns: readonly string[],
  format: Format,
): void {
  if (format === 'table') printTable(mapped(records, view), columns);
  else if (format === 'csv') printCsv(mapped(records, view), columns);
  else if (format === 'ndjson') for (const row of mapped(records, view)) printLater(`${JSON.stringify(row)}\n`);
  else printJsonArray(mapped(records, view));
  print('');
}

function* mapped<T>(records: Iterable<T>, view: (record: T) => Row): Generator<Row> {
  for (const record of records) yield view(record);
}

function printJsonArray(rows: Iterable<Row>): void {
  let opened = false;
  for (const row of rows) {
    printLater(`${opened ? ',' : '['}\n  ${JSON.stringify(row)}`);
    opened = true;
  }
  printLater(opened ? '\n]\n' : '[]\n');
}

function printCsv(rows: Iterable<Row>, columns: readonly string[]): void {
  printLater(`${columns.join(',')}\n`);
  for (const row of rows) printLater(`${columns.map((column) => csvCell(textOf(row[column], ''))).join(',')}\n`);
}

function csvCell(text: string): string {
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function printTable(rows: Iterable<Row>, columns: readonly string[]): void {
  let widths: number[] | undefined;
  let sample: string[][] = [[...columns]];
  const flush = () => {
    widths ??= columns.map((_, index) => Math.max(...sample.map((line) => line[index]?.length ?? 0)));
    for (const line of sample)
      print(
        `${line
          .map((cell, index) => cell.padEnd(widths?.[index] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
      );
    sample = [];
  };
  for (const row of rows) {
    sample.push(columns.map((column) => textOf(row[column], '-')));
    if (sample.length >= tableSample) flush();
  }
  flush();
  print('');
}

/** One thing, a line for each of its fields. */
export function printFields(row: Row): void {
  const width = Math.max(...Object.keys(row).map((name) => name.length));
  for (const [name, value] of Object.entries(row)) print(`${name.padEnd(width)}  ${textOf(value, '-')}\n`);
}

/** UTC, to the millisecond. */
export function timeText(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

function textOf(value: unknown, nothing: string): string {
  if (value === null || value === undefined) return nothing;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** Rows are written together up to this size: a system call for each would take longer than everything else. */
const bufferMax = 65_536;
let buffered = '';

/** Keeps a piece of a long output for the next write. */
function printLater(text: string): void {
  buffered += text;
  if (buffered.length >= bufferMax) print('');
}

/** Written at once and in full: a stream would keep millions of rows in memory when its reader is slow. */
export function print(text: string): void {
  const whole = buffered + text;
  buffered = '';
  write(whole);
}

function write(text: string): void {
  const bytes = Buffer.from(text);
  let written = 0;
  while (written < bytes.length) {
    try {
      written += writeSync(standardOutput, bytes, written);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EPIPE') process.exit(0);
      if (code !== 'EAGAIN') throw error;
    }
  }
}
