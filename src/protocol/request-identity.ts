import { Buffer } from 'node:buffer';
import { copyBytes } from '../bytes/copy.ts';
import { u8, u16 } from '../bytes/numbers.ts';
import type { Slice } from '../bytes/slice.ts';
import { struct } from '../bytes/struct.ts';
import { coinLayout } from '../domain/coin.ts';
import { challengeSize } from './challenge.ts';
import { isModern } from './encryption-type.ts';
import type { RequestHeader } from './request-header.ts';

const identityStart = struct({ commandGroup: u8, command: u8, encryptionType: u8, bodySize: u16 });

/**
 * What an authenticated request must not share with another one that says something else: command, size, encryption type,
 * coins, nonce and, for type 1, the challenge as sent. Deployed clients repeat nonces, but draw a challenge for each request.
 */
export function requestIdentity(header: RequestHeader, body: Slice): Buffer {
  const { coins, nonce, encryptionType } = header;
  const sentChallengeSize = isModern(encryptionType) ? 0 : challengeSize;
  const nonceStart = identityStart.size + coins.length * coinLayout.size;
  const challengeStart = nonceStart + nonce.size;
  const identity = Buffer.allocUnsafe(challengeStart + sentChallengeSize);
  const { at } = identityStart;
  at.commandGroup.set(identity, 0, header.commandGroup);
  at.command.set(identity, 0, header.command);
  at.encryptionType.set(identity, 0, encryptionType);
  at.bodySize.set(identity, 0, header.bodySize);
  let coinStart = identityStart.size;
  for (const coin of coins) {
    coinLayout.at.denomination.set(identity, coinStart, coin.denomination);
    coinLayout.at.serialNumber.set(identity, coinStart, coin.serialNumber);
    coinStart += coinLayout.size;
  }
  copyBytes(nonce.buffer, nonce.start, identity, nonceStart, nonce.size);
  copyBytes(body.buffer, body.start, identity, challengeStart, sentChallengeSize);
  return identity;
}
