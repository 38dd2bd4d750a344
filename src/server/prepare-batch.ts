import type { Registry } from '../commands/registry.ts';
import { isModern } from '../protocol/encryption-type.ts';
import type { Writer } from '../storage/store.ts';
import type { Request } from './dispatch.ts';
import type { FrameOpener } from './frame-opener.ts';
import type { Safeguards } from './safeguards.ts';

export interface PreparationParts {
  readonly registry: Registry;
  readonly opener: FrameOpener;
  readonly safeguards: Safeguards;
}

/**
 * Says what each request of a batch will need, before they have their turns, where somebody else gets it ready meanwhile:
 * the HMAC of its body, and the key that it looks for. Nothing depends on it; what cannot be told now, a request that may
 * be turned away among it, is not told. Throws TransactionLost.
 */
export function prepareBatch(batch: readonly Request[], parts: PreparationParts, writer: Writer): void {
  expectHmacs(batch, parts, writer);
  expectKeys(batch, parts, writer);
}

function expectHmacs(batch: readonly Request[], { opener, safeguards }: PreparationParts, writer: Writer): void {
  if (!opener.hasHmacsComputed) return;
  for (const [turn, { frame, client }] of batch.entries()) {
    if (isModern(frame.header.encryptionType) && !safeguards.mayTurnAway(client)) opener.askForHmac(turn, writer);
  }
}

function expectKeys(batch: readonly Request[], parts: PreparationParts, writer: Writer): void {
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
