import type { Command } from 'commander';
import { programVersion } from '../version.ts';
import { ExitCode } from './exit-codes.ts';
import { print } from './output.ts';

const meanings: Record<keyof typeof ExitCode, string> = {
  ok: 'done',
  failed: 'failed; the line on standard error says why',
  usage: 'wrong usage',
  damageFound: 'damage was found',
  refused: 'refused',
  dataDamaged: 'the data is damaged at start, or acknowledged work is missing',
  cannotCreate: 'a directory or file cannot be created',
  inputOutput: 'the disk failed',
  configuration: 'the configuration is wrong',
};

/** `raida-node man`: the manual page in roff, made from the command line's own description. */
export function manPage(program: Command): void {
  const verbs = program.commands.filter((command) => command.name() !== 'help' && !isHidden(command));
  const lines = [
    `.TH RAIDA\\-NODE 1 "" "raida\\-node ${roff(programVersion)}" "User Commands"`,
    '.SH NAME',
    `raida\\-node \\- ${roff(program.description())}`,
    '.SH SYNOPSIS',
    '.B raida\\-node',
    '.I verb',
    '[\\fIoptions\\fR]',
    '.SH VERBS',
    ...verbs.flatMap((verb) => describeVerb(verb, '')),
    '.SH ENVIRONMENT',
    ...item('RAIDA_NODE_DATA', 'the data directory, where \\-\\-data is not given'),
    ...item('RAIDA_NODE_PASSPHRASE', 'passphrase of encrypted backups'),
    ...item('RAIDA_NODE_SECTION_KEY', 'any setting of config.toml'),
    '.SH EXIT STATUS',
    ...Object.entries(ExitCode).flatMap(([name, code]) =>
      item(String(code), roff(meanings[name as keyof typeof ExitCode])),
    ),
    '.SH FILES',
    ...item('config.toml', 'settings, in the data directory'),
    ...item('node.db', 'the database'),
    ...item('coins/', 'encryption coins'),
  ];
  print(`${lines.join('\n')}\n`);
}

function describeVerb(command: Command, prefix: string): string[] {
  const name = `${prefix}${command.name()}`;
  const words = command.registeredArguments.map((argument) =>
    argument.required ? `<${argument.name()}>` : `[${argument.name()}]`,
  );
  if (command.commands.length > 0) return command.commands.flatMap((each) => describeVerb(each, `${name} `));
  const options = command.options.flatMap((option) => item(option.flags, roff(option.description)));
  return ['.SS', `${roff([name, ...words].join(' '))}`, roff(command.description()), ...options];
}

function item(term: string, text: string): string[] {
  return ['.TP', `\\fB${roff(term)}\\fR`, text];
}

function roff(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^([.'])/, '\\&$1');
}

/** Commander keeps the flag to itself; help leaves such a command out. */
function isHidden(command: Command): boolean {
  return (command as unknown as { _hidden?: boolean })._hidden === true;
}
