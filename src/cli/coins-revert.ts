import { randomBytes } from 'node:crypto';
import { coinName } from '../domain/coin.ts';
import { RevertError, type Reverted, revertReconstruction } from '../storage/revert.ts';
import { askNode, ControlFailure } from './control.ts';
import { demandNode } from './existing-node.ts';
import { CommandFailure, ExitCode } from './exit-codes.ts';
import { print } from './output.ts';
import { withStore } from './writing.ts';

/** `raida-node coins revert`: undoes one reconstruction; a running node does it itself. */
export async function coinsRevert(directory: string, event: number): Promise<void> {
  demandNode(directory);
  try {
    const answer = await askNode(directory, { verb: 'revert', event });
    const reverted = answer === undefined ? revertHere(directory, event) : (answer.result as Reverted[]);
    for (const { coin, half } of reverted)
      print(`coin ${coinName(coin)}: half ${half} is what it was before event ${event}\n`);
  } catch (error) {
    const refused =
      error instanceof RevertError || (error instanceof ControlFailure && error.name === RevertError.name);
    throw refused ? new CommandFailure(ExitCode.refused, error.message) : error;
  }
}

function revertHere(directory: string, event: number): Reverted[] {
  const random = { bytes: (size: number) => randomBytes(size) };
  return withStore(directory, (store) => revertReconstruction(store, event, Date.now(), random));
}
