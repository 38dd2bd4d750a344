import type { Registry } from '../commands/registry.ts';
import { envelopeSize } from '../protocol/body.ts';
import { isModern } from '../protocol/encryption-type.ts';
import type { FramerRules } from '../protocol/framer.ts';
import type { RequestHeader } from '../protocol/request-header.ts';

/** What the framer must know of routing, and which bodies are worth keeping whole. */
export function framerRules(registry: Registry, raidaId: number, coinId: number): FramerRules {
  return {
    raidaId,
    coinId,
    knows: (group, code) => registry.find(group, code) !== undefined,
    keepsBody: (header) => keepsBody(header, registry),
  };
}

/** Types 4 and 5 are kept for their HMAC; of others only what a command will read, and only in a size that it has. */
function keepsBody(header: RequestHeader, registry: Registry): boolean {
  if (isModern(header.encryptionType)) return true;
  const command = registry.find(header.commandGroup, header.command);
  if (command?.usesPayload !== true) return false;
  return command.refuseSize(header.bodySize - envelopeSize(header.encryptionType)) === undefined;
}
