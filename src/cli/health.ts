import { setTimeout as pause } from 'node:timers/promises';
import type { NodeHealth } from '../server/control-protocol.ts';
import { askNode } from './control.ts';
import { CommandFailure, ExitCode } from './exit-codes.ts';
import { printFields, printJson } from './output.ts';

const pollMs = 100;

/** `raida-node health`: is the node there, and does it take writes? Waits up to `waitMs` for that. */
export async function health(directory: string, waitMs: number, asJson: boolean): Promise<void> {
  const givenUpAt = performance.now() + waitMs;
  for (;;) {
    const found = await look(directory);
    if (found?.ready === true || performance.now() >= givenUpAt) {
      report(directory, found, asJson);
      return;
    }
    await pause(pollMs);
  }
}

async function look(directory: string): Promise<NodeHealth | undefined> {
  try {
    return (await askNode(directory, { verb: 'health' }))?.result as NodeHealth | undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function report(directory: string, found: NodeHealth | undefined, asJson: boolean): void {
  if (found === undefined) throw new CommandFailure(ExitCode.failed, `no node serves ${directory}`);
  if (asJson) printJson(found);
  else printFields({ ...found });
  if (!found.ready) throw new CommandFailure(ExitCode.failed, `the node on ${directory} refuses writes: see its log`);
}
