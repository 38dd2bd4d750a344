import { coinLayout } from '../domain/coin.ts';
import { challengeSize } from './challenge.ts';
import { isModern } from './encryption-type.ts';
import type { RequestHeader } from './request-header.ts';

/**
 * What an authenticated request must not share with another one that says something else: command, size, encryption type,
 * coins, nonce and, for type 1, the challenge as sent. Deployed clients repeat nonces, but draw a challenge for each request.
 */
export function requestIdentity(header: RequestHeader, body: Buffer): Buffer {
  const { commandGroup, command, encryptionType, coins, nonce, bodySize } = header;
  const challenge = isModern(encryptionType) ? noChallenge : body.subarray(0, challengeSize);
  const named = coins.map((coin) => coinLayout.encode(coin));
  return Buffer.concat([
    Buffer.from([commandGroup, command, encryptionType, bodySize >> 8, bodySize & 0xff]),
    ...named,
    nonce,
    challenge,
  ]);
}

const noChallenge = Buffer.alloc(0);
