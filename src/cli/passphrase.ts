import { readFileSync } from 'node:fs';
import { UsageError } from './arguments.ts';

/** The passphrase of an encrypted backup: from a file, or from the environment; never from the command line itself. */
export function readPassphrase(file: string | undefined): string | undefined {
  const text =
    file === undefined ? process.env.RAIDA_NODE_PASSPHRASE : readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  return text === '' ? undefined : text;
}

export function demandPassphrase(file: string | undefined): string {
  const passphrase = readPassphrase(file);
  if (passphrase === undefined) {
    throw new UsageError(
      '--encrypt needs a passphrase: set RAIDA_NODE_PASSPHRASE or name a file with --passphrase-file',
    );
  }
  return passphrase;
}
