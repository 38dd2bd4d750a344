import { Buffer } from 'node:buffer';
import { struct, u8, u16 } from '../bytes/struct.ts';
import { coinLayout } from '../domain/coin.ts';
import { challengeSize } from './challenge.ts';
import { isModern } from './encryption-type.ts';
import type { RequestHeader } from './request-header.ts';

const identityStart = struct({ commandGroup: u8, command: u8, encryptionType: u8, bodySize: u16 });

/**
 * What an authenticated request must not share with another one that says something else: command, size, encryption type,
 * coins, nonce and, for type 1, the challenge as sent. Deployed clients repeat nonces, but draw a challenge for each request.
 */
export function requestIdentity(header: RequestHeader, body: Buffer): Buffer {
  const { coins, nonce, encryptionType } = header;
  const sentChallengeSize = isModern(encryptionType) ? 0 : challengeSize;
  const coinsStart = identityStart.size;
  const nonceStart = coinsStart + coins.length * coinLayout.size;
  const challengeStart = nonceStart + nonce.length;
  const identity = Buffer.allocUnsafe(challengeStart + sentChallengeSize);
  identityStart.write(identity, 0, header);
  for (const [index, coin] of coins.entries()) coinLayout.write(identity, coinsStart + index * coinLayout.size, coin);
  identity.set(nonce, nonceStart);
  body.copy(identity, challengeStart, 0, sentChallengeSize);
  return identity;
}
