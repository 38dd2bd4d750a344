import type { Registry } from '../commands/registry.ts';
import type { Writer } from '../storage/store.ts';
import type { Request } from './dispatch.ts';
import type { FrameOpener } from './frame-opener.ts';
import type { Safeguards } from './safeguards.ts';

export interface ExpectedKeysParts {
  readonly registry: Registry;
  readonly opener: FrameOpener;
  readonly safeguards: Safeguards;
}

/**
 * Tells the storage which key each request of a batch will look for, before they have their turns, where that has the keys
 * read ahead. Nothing depends on it: what cannot be told now, a request that may be turned away among it, is not told.
 * Throws TransactionLost.
 */
export function expectKeys(batch: readonly Request[], parts: ExpectedKeysParts, writer: Writer): void {
  const { registry, opener, safeguards } = parts;
  if (!writer.chatKeys.beginExpecting(batch.length)) return;
  for (const [turn, { frame, client }] of batch.entries()) {
    const command = registry.find(frame.header.commandGroup, frame.header.command);
    if (command?.soughtKey === undefined || safeguards.mayTurnAway(client)) continue;
    const opened = opener.openAhead(turn, command, writer);
    if (opened === undefined || command.refuseSize(opened.payload.length) !== undefined) continue;
    writer.chatKeys.expect(command.soughtKey(opened.payload), turn);
  }
}
