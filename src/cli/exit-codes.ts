/** What the program's exit tells a script. */
export const ExitCode = {
  ok: 0,
  failed: 1,
  usage: 2,
  damageFound: 3,
  refused: 4,
  dataDamaged: 65,
  cannotCreate: 73,
  inputOutput: 74,
  configuration: 78,
} as const;

export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** Ends the program with one line of cause and cure. */
export class CommandFailure extends Error {
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string) {
    super(message);
    this.name = 'CommandFailure';
    this.exitCode = exitCode;
  }
}
