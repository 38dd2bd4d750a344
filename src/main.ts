#!/usr/bin/env node
import { CommanderError } from 'commander';
import { UsageError } from './cli/arguments.ts';
import { ExitCode } from './cli/exit-codes.ts';
import { givenDirectory } from './cli/program/options.ts';
import { buildProgram } from './cli/program.ts';

/** Arguments in, exit code out. Files made by this program are its owner's alone. */
process.umask(0o077);

let exitCode: number = ExitCode.ok;
const program = buildProgram((code) => {
  exitCode = code;
});

program
  .parseAsync(process.argv)
  .catch(async (error: unknown) => {
    exitCode = await explain(error);
  })
  .finally(() => {
    process.exitCode = exitCode;
  });

/** One line of cause and cure on standard error; never a stack. */
async function explain(error: unknown): Promise<number> {
  if (error instanceof CommanderError && error.exitCode === 0) return ExitCode.ok;
  if (error instanceof CommanderError && error.code === 'commander.help') return ExitCode.usage;
  if (error instanceof UsageError || error instanceof CommanderError) {
    process.stderr.write(`raida-node: ${error.message.replace(/^error: /, '')}\nTry: raida-node ${verb()}--help\n`);
    return ExitCode.usage;
  }
  const { explainFailure } = await import('./cli/failure.ts');
  const { exitCode: code, message } = explainFailure(error, givenDirectory(process.argv));
  process.stderr.write(`raida-node: ${message}\n`);
  return code;
}

function verb(): string {
  const [, , first = ''] = process.argv;
  return program.commands.some((command) => command.name() === first) ? `${first} ` : '';
}
