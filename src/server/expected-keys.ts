import type { Registry } from '../commands/registry.ts';
import type { Reader } from '../storage/store.ts';
import type { Request } from './dispatch.ts';
import type { FrameOpener } from './frame-opener.ts';
import type { Safeguards } from './safeguards.ts';

export interface ExpectedKeysParts {
  readonly registry: Registry;
  readonly opener: FrameOpener;
  readonly safeguards: Safeguards;
}

/**
 * Tells the storage which keys the requests of a batch will look for, before each of them has its turn, where that has them
 * read ahead. Nothing depends on it: what cannot be told now, a request that may be turned away among it, is not told.
 */
export function expectKeys(batch: readonly Request[], parts: ExpectedKeysParts, reader: Reader): void {
  const { registry, opener, safeguards } = parts;
  if (!reader.chatKeys.expects(batch.length)) return;
  for (const [index, { frame, client }] of batch.entries()) {
    const command = registry.find(frame.header.commandGroup, frame.header.command);
    if (command?.soughtKey === undefined || safeguards.mayTurnAway(client)) continue;
    const opened = opener.openAhead(index, command, reader);
    if (opened === undefined || command.refuseSize(opened.payload.length) !== undefined) continue;
    reader.chatKeys.expect(command.soughtKey(opened.payload));
  }
}
