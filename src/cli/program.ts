import { Command } from 'commander';
import { programVersion } from '../version.ts';
import { addClientVerbs } from './program/client-verbs.ts';
import { addFolderVerbs } from './program/folder-verbs.ts';
import { addForensicVerbs } from './program/forensic-verbs.ts';
import { addNodeVerbs } from './program/node-verbs.ts';
import type { SetExitCode } from './program/options.ts';

/**
 * The command line: words and options, and which file does the work. Each verb is loaded only when it is used, so that
 * help costs nothing.
 */
export function buildProgram(setExitCode: SetExitCode): Command {
  const program = new Command('raida-node')
    .description('A RAIDA key-exchange node for one machine.')
    .version(programVersion);
  addNodeVerbs(program, setExitCode);
  addFolderVerbs(program, setExitCode);
  addForensicVerbs(program, setExitCode);
  addClientVerbs(program);
  for (const command of allCommands(program)) command.exitOverride().configureOutput({ outputError: () => undefined });
  return program;
}

function allCommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allCommands)];
}
