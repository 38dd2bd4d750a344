import type { Command } from '../commands/command.ts';
import { type Coin, isValidCoin } from '../domain/coin.ts';
import { envelopeKey, envelopeSize, type OpenedBody, openBody } from '../protocol/body.ts';
import { EncryptionType } from '../protocol/encryption-type.ts';
import type { Frame } from '../protocol/framer.ts';
import { Refusal } from '../protocol/refusal.ts';
import type { RequestHeader } from '../protocol/request-header.ts';
import { Status } from '../protocol/status.ts';
import type { Reader } from '../storage/store.ts';

/** Opens the body of a request with the secrets of the coins that its header names. Throws a Refusal. */
export function openFrame(frame: Frame, command: Command, reader: Reader): OpenedBody {
  const { header, body } = frame;
  const secrets = header.coins.map((coin) => secretOf(coin, header.encryptionType, reader));
  const key = envelopeKey(header.encryptionType, secrets);
  const answersEmpty = command.answersEmptyBody && header.encryptionType === EncryptionType.none;
  if (header.bodySize === 0 && !answersEmpty) throw new Refusal(Status.EMPTY_REQUEST, 'no-body');
  return openBody(header, body, key);
}

/** Judged from the header, because the payload of a wrong size was not kept. Throws a Refusal. */
export function demandSize({ bodySize, encryptionType }: RequestHeader, command: Command): void {
  if (bodySize === 0) return;
  const refused = command.refuseSize(bodySize - envelopeSize(encryptionType));
  if (refused !== undefined) throw new Refusal(refused, 'payload-size');
}

/** The authentication number of a coin that a header names (Q8, Q9). */
function secretOf(coin: Coin, encryptionType: number, reader: Reader): Buffer {
  if (encryptionType === EncryptionType.locker) throw new Refusal(Status.INVALID_ENCRYPTION, 'no-lockers-here');
  const secret = isValidCoin(coin) ? reader.coins.authenticationNumber(coin) : undefined;
  if (secret !== undefined) return secret;
  const status = encryptionType === EncryptionType.coin ? Status.INVALID_ENCRYPTION : Status.ENCRYPTION_COIN_NOT_FOUND;
  throw new Refusal(status, 'no-such-encryption-coin');
}
