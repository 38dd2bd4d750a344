import type { Command } from './command.ts';
import { decryptRaidaKey } from './key-exchange/decrypt-raida-key.ts';
import { encryptKey } from './key-exchange/encrypt-key.ts';
import { getKey } from './key-exchange/get-key.ts';
import { keyAlert } from './key-exchange/key-alert.ts';
import { postKey } from './key-exchange/post-key.ts';
import { countCoins } from './status/count-coins.ts';
import { echo } from './status/echo.ts';
import { showStats } from './status/show-stats.ts';
import { version } from './status/version.ts';

/** Every command that this node answers. */
export const commands: readonly Command[] = [
  echo,
  version,
  showStats,
  countCoins,
  postKey,
  keyAlert,
  getKey,
  encryptKey,
  decryptRaidaKey,
];

const codesPerGroup = 256;
const groupCount = 16;

export class Registry {
  /** A place for every code there can be: an array with holes is looked up like a dictionary. */
  readonly #commands: (Command | undefined)[] = Array.from({ length: groupCount * codesPerGroup });

  /** Throws where two commands claim one code. */
  constructor(list: readonly Command[] = commands) {
    for (const command of list) {
      const place = command.group * codesPerGroup + command.code;
      const taken = this.#commands[place];
      if (taken !== undefined) throw new Error(`${command.name} and ${taken.name} claim the same code`);
      this.#commands[place] = command;
    }
  }

  find(group: number, code: number): Command | undefined {
    return this.#commands[group * codesPerGroup + code];
  }
}
