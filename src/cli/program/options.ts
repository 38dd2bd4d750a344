import { type Command, Option } from 'commander';
import { integerArgument } from '../arguments.ts';
import type { Format } from '../output.ts';

/** Options and arguments that several verbs share. */
export type SetExitCode = (code: number) => void;

const defaultDirectory = process.env.RAIDA_NODE_DATA ?? 'data';
export const everything = Number.MAX_SAFE_INTEGER;

export const raidaId = integerArgument(0, 24);
export const coinId = integerArgument(0, 65_535);
export const port = integerArgument(0, 65_535);
export const count = integerArgument(1, everything);

export function dataOption(): Option {
  return new Option('--data <dir>', 'data directory').default(defaultDirectory);
}

/** The data directory that a command line names, for messages about it. */
export function givenDirectory(words: readonly string[]): string {
  const place = words.lastIndexOf('--data');
  const joined = words.find((word) => word.startsWith('--data='))?.slice('--data='.length);
  return (place === -1 ? joined : words[place + 1]) ?? defaultDirectory;
}

export function withFormats(command: Command): Command {
  return command
    .addOption(new Option('--json', 'as one JSON array').conflicts(['ndjson', 'csv']))
    .addOption(new Option('--ndjson', 'as JSON, a line for each').conflicts('csv'))
    .option('--csv', 'as comma-separated values');
}

/** A table unless said otherwise. */
export function formatOf(options: { json?: boolean; ndjson?: boolean; csv?: boolean }): Format {
  if (options.json === true) return 'json';
  if (options.ndjson === true) return 'ndjson';
  return options.csv === true ? 'csv' : 'table';
}

export function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}
