import type { Command } from 'commander';
import { UsageError } from './arguments.ts';
import { print } from './output.ts';

/** Words that may follow a verb: its sub-verbs and its options. */
interface Words {
  readonly path: string;
  readonly words: readonly string[];
}

/** `raida-node completion SHELL`: made from the command line's own description, so that it cannot be out of date. */
export function completion(program: Command, shell: string): void {
  const table = wordsOf(program, '');
  if (shell === 'bash') print(bash(table));
  else if (shell === 'zsh') print(`#compdef raida-node\nautoload -U +X bashcompinit && bashcompinit\n${bash(table)}`);
  else if (shell === 'fish') print(fish(table));
  else throw new UsageError(`there is no completion for ${shell}; there is one for bash, zsh and fish`);
}

function wordsOf(command: Command, path: string): Words[] {
  const options = command.options.filter((option) => !option.hidden).map((option) => option.long ?? option.short ?? '');
  const verbs = command.commands.map((each) => each.name());
  const here = { path, words: [...verbs, ...options, '--help'] };
  return [here, ...command.commands.flatMap((each) => wordsOf(each, `${path} ${each.name()}`.trim()))];
}

function bash(table: readonly Words[]): string {
  const cases = table.map(({ path, words }) => `    "${path}") words="${words.join(' ')}" ;;`).join('\n');
  return `_raida_node() {
  local path="" word words
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) ;; *) path="\${path:+$path }$word" ;; esac
  done
  case "$path" in
${cases}
    *) words="" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
  [ \${#COMPREPLY[@]} -eq 0 ] && COMPREPLY=($(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _raida_node raida-node
`;
}

function fish(table: readonly Words[]): string {
  const lines = table.flatMap(({ path, words }) => {
    const condition =
      path === ''
        ? '__fish_use_subcommand'
        : path
            .split(' ')
            .map((verb) => `__fish_seen_subcommand_from ${verb}`)
            .join('; and ');
    return words.map((word) =>
      word.startsWith('--')
        ? `complete -c raida-node -n '${condition}' -l ${word.slice(2)}`
        : `complete -c raida-node -n '${condition}' -f -a ${word}`,
    );
  });
  return `${lines.join('\n')}\n`;
}
