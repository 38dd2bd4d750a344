#!/usr/bin/env node
import { CommanderError } from 'commander';
import { UsageError } from './cli/arguments.ts';
import { ExitCode } from './cli/exit-codes.ts';
import { buildProgram } from './cli/program.ts';

/** Arguments in, exit code out. Files made by this program are its owner's alone. */
process.umask(0o077);

let exitCode: number = ExitCode.ok;
const program = buildProgram((code) => {
  exitCode = code;
});

try {
  await program.parseAsync(process.argv);
} catch (error) {
  exitCode = await explain(error);
}
process.exitCode = exitCode;

/** One line of cause and cure on standard error; never a stack. */
async function explain(error: unknown): Promise<number> {
  if (error instanceof CommanderError && error.exitCode === 0) return ExitCode.ok;
  if (error instanceof CommanderError && error.code === 'commander.help') return ExitCode.usage;
  if (error instanceof UsageError || error instanceof CommanderError) {
    process.stderr.write(`raida-node: ${error.message.replace(/^error: /, '')}\nTry: raida-node ${verb()}--help\n`);
    return ExitCode.usage;
  }
  const { exitCodeOf } = await import('./cli/failure.ts');
  process.stderr.write(`raida-node: ${error instanceof Error ? error.message : String(error)}\n`);
  return exitCodeOf(error);
}

function verb(): string {
  const [, , first = ''] = process.argv;
  return program.commands.some((command) => command.name() === first) ? `${first} ` : '';
}
