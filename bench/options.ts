import { parseArgs } from 'node:util';

export interface Options {
  /** Everything, for a long time; otherwise what the goals need, in less than three minutes. */
  readonly full: boolean;
  readonly profile: boolean;
  /** Which cases run, by their names. */
  readonly pattern: RegExp;
  readonly rounds: number;
  readonly seconds: number;
  readonly output: string;
}

export const usage = `npm run bench -- [--full] [--profile] [--case REGEX] [--rounds N] [--seconds S] [--output DIR]

  --full        the whole matrix, and growth up to 10 million keys; takes an hour
  --profile     leaves a CPU profile of the node for each case in DIR/profiles
  --case REGEX  only cases whose name fits
  --rounds N    rounds of each contender, 5 or more for a result that counts (5)
  --seconds S   length of a round (0.5; with --full 1)
  --output DIR  where results.md and results.json go (bench/results)
`;

/** Throws TypeError for options that do not exist, RangeError for values that cannot be. */
export function parseOptions(parameters: readonly string[]): Options | 'help' {
  const { values } = parseArgs({
    args: [...parameters],
    options: {
      full: { type: 'boolean', default: false },
      profile: { type: 'boolean', default: false },
      case: { type: 'string', default: '' },
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string' },
      output: { type: 'string', default: 'bench/results' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  return {
    full: values.full,
    profile: values.profile,
    pattern: new RegExp(values.case, 'i'),
    rounds: positive('rounds', values.rounds),
    seconds: positive('seconds', values.seconds ?? (values.full ? '1' : '0.5')),
    output: values.output,
  };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (value > 0 && value <= 3_600) return value;
  throw new RangeError(`--${name} ${text}: a number above 0 is expected`);
}
