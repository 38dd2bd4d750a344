import { anchorMismatch } from '../storage/head-anchor.ts';
import { type Verification, verifyDatabase } from '../storage/verify.ts';
import { ExitCode } from './exit-codes.ts';
import { print, printJson } from './output.ts';
import { StepProgress } from './progress.ts';
import { withDatabase } from './with-database.ts';

export interface VerifyOptions {
  /** With neither, everything is looked at. */
  readonly events: boolean;
  readonly pages: boolean;
  readonly json: boolean;
}

/** `raida-node verify`: proves every stored value. Works beside a serving node. */
export function verify(directory: string, { events, pages, json }: VerifyOptions): ExitCode {
  const everything = !events && !pages;
  const progress = new StepProgress();
  const result = withDatabase(directory, (database) => {
    const anchor = events || everything ? anchorMismatch(directory, database) : undefined;
    const parts = {
      structure: pages || everything ? 'full' : 'none',
      pages: pages || everything,
      keys: pages || everything,
      events: events || everything,
      index: everything,
    } as const;
    const found = verifyDatabase(database, parts, (part, done, total) => progress.show(part, done, total));
    return { ...found, faults: anchor === undefined ? found.faults : [anchor, ...found.faults] };
  });
  progress.finish();
  if (json) printJson({ ...result, head: { ...result.head, hash: result.head.hash.toString('hex') } });
  else printVerdict(result);
  return result.faults.length === 0 ? ExitCode.ok : ExitCode.damageFound;
}

function printVerdict({ faults, pages, keys, events, head }: Verification): void {
  for (const fault of faults) print(`damage: ${fault}\n`);
  const verdict = faults.length === 0 ? 'sound' : `${faults.length} faults`;
  print(`${verdict}: ${pages} coin pages, ${keys} keys, ${events} events up to ${head.sequence}\n`);
}
