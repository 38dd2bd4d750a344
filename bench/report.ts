import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Finding, isMet } from './findings.ts';
import type { Machine } from './machine.ts';
import type { Options } from './options.ts';

export interface Results {
  readonly made: string;
  readonly version: string;
  readonly machine: Machine;
  readonly options: Pick<Options, 'full' | 'rounds' | 'seconds'> & { readonly case: string };
  readonly durationSeconds: number;
  readonly findings: readonly Finding[];
}

/** Writes the results as Markdown and JSON; returns the Markdown. */
export function writeReport(results: Results, directory: string): string {
  mkdirSync(directory, { recursive: true });
  const text = markdown(results);
  writeFileSync(join(directory, 'results.md'), text);
  writeFileSync(join(directory, 'results.json'), `${JSON.stringify(results, undefined, 2)}\n`);
  return text;
}

function markdown({ made, version, machine, options, durationSeconds, findings }: Results): string {
  const { processor, cores, memoryGib, kernel, node, sqlite, syncMs } = machine;
  const form = `${options.full ? 'full' : 'short'} form, ${options.rounds} rounds of ${options.seconds} s`;
  const goals = findings.filter(({ goal }) => goal !== undefined);
  return `# Results

raida-node ${version}, ${made}: ${form}, ${Math.round(durationSeconds)} s in all.

| processor | cores | memory | kernel | Node.js | SQLite | 4 KiB written and synced |
|---|---|---|---|---|---|---|
| ${processor} | ${cores} | ${memoryGib} GiB | ${kernel} | ${node} | ${sqlite} | ${syncMs.toFixed(2)} ms |

## Goals

| case | goal | measured | node | ceiling | met? |
|---|---|---|---|---|---|
${goals.map(goalRow).join('\n')}

## Everything

CPU is the serving process's, in microseconds a request; batch is requests a commit.

| case | measure | measured | node | ceiling | details |
|---|---|---|---|---|---|
${findings.map(findingRow).join('\n')}
`;
}

function goalRow(finding: Finding): string {
  const { name, goal } = finding;
  return row([
    `${name}, ${finding.measure}`,
    goal?.text ?? '',
    valueText(finding),
    ...rates(finding),
    isMet(finding) ? 'yes' : '**no**',
  ]);
}

function findingRow(finding: Finding): string {
  const details = Object.entries(finding.details ?? {}).map(([name, value]) => `${name} ${short(value)}`);
  return row([finding.name, finding.measure, valueText(finding), ...rates(finding), details.join(', ')]);
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

function valueText({ value, unit }: Finding): string {
  return unit === 'ratio' ? ratioText(value) : `${short(value)} ${unit}`;
}

function ratioText(value: number): string {
  return value < 0.1 ? value.toPrecision(2) : value.toFixed(2);
}

function rates({ nodeRate, ceilingRate }: Finding): [string, string] {
  const text = (rate: number | undefined) => (rate === undefined ? '' : `${Math.round(rate)}/s`);
  return [text(nodeRate), text(ceilingRate)];
}

function short(value: number): string {
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}
