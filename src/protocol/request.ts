import { Buffer } from 'node:buffer';
import { sliceOf } from '../bytes/slice.ts';
import type { Coin } from '../domain/coin.ts';
import type { RandomSource } from '../domain/random.ts';
import { envelopeKey, envelopeSize, sealBody } from './body.ts';
import { challengeRandomSize, makeChallenge } from './challenge.ts';
import { EncryptionType, isModern } from './encryption-type.ts';
import { legacyRequestHeader, modernRequestHeader, type RequestHeader, secondCoinInNonce } from './request-header.ts';

/** A coin together with the authentication number that its holder shares with one RAIDA. */
export interface KnownCoin extends Coin {
  readonly authenticationNumber: Buffer;
}

/** How a client seals its requests: type 0 without coins, 1 and 4 with one, 5 with two. */
export interface Encryption {
  readonly type: EncryptionType;
  readonly coins: readonly KnownCoin[];
}

export interface OutgoingRequest {
  readonly raidaId: number;
  readonly coinId: number;
  readonly commandGroup: number;
  readonly command: number;
  readonly payload: Buffer;
  readonly encryption: Encryption;
  /** The first 8 bytes of the nonce, for requests that have to share them; random otherwise. */
  readonly nonceStart?: Buffer | undefined;
}

/** A request ready to send, with what is needed to open its reply. */
export interface EncodedRequest {
  readonly bytes: Buffer;
  readonly header: RequestHeader;
  readonly key: Buffer | undefined;
  readonly challenge: Buffer;
}

const protocolVersion = 1;
const coinsPerType: Record<EncryptionType, number> = { 0: 0, 1: 1, 2: 1, 4: 1, 5: 2 };

/** Builds and seals a request. Throws RangeError where the coins do not fit the encryption type. */
export function encodeRequest(request: OutgoingRequest, random: RandomSource): EncodedRequest {
  const { encryption, payload } = request;
  if (encryption.coins.length !== coinsPerType[encryption.type]) {
    throw new RangeError(`encryption type ${encryption.type} takes ${coinsPerType[encryption.type]} coins`);
  }
  const header: RequestHeader = {
    version: protocolVersion,
    splitId: 0,
    raidaId: request.raidaId,
    shardId: 0,
    commandGroup: request.commandGroup,
    command: request.command,
    coinId: request.coinId,
    encryptionType: encryption.type,
    coins: encryption.coins,
    bodySize: payload.length + envelopeSize(encryption.type),
    nonce: sliceOf(nonceFor(encryption, request.nonceStart, random)),
  };
  const [first, second] = encryption.coins;
  const key = envelopeKey(encryption.type, first?.authenticationNumber, second?.authenticationNumber);
  const challenge = makeChallenge(random.bytes(challengeRandomSize));
  const bytes = Buffer.concat([encodeHeader(header), sealBody(header, key, challenge, payload)]);
  return { bytes, header, key, challenge };
}

function encodeHeader(header: RequestHeader): Buffer {
  const [coin = { denomination: 0, serialNumber: 0 }] = header.coins;
  const layout = isModern(header.encryptionType) ? modernRequestHeader : legacyRequestHeader;
  return layout.encode({ ...header, denomination: coin.denomination, serialNumber: coin.serialNumber });
}

function nonceFor({ type, coins }: Encryption, start: Buffer | undefined, random: RandomSource): Buffer {
  const nonce = random.bytes(isModern(type) ? modernNonceSize : legacyNonceSize);
  const [, second] = coins;
  if (type === EncryptionType.twoCoinsHashed && second !== undefined) {
    secondCoinInNonce.at.denomination.set(nonce, 0, second.denomination);
    secondCoinInNonce.at.serialNumber.set(nonce, 0, second.serialNumber);
  } else {
    start?.copy(nonce, 0, 0, legacyNonceSize);
  }
  return nonce;
}

const legacyNonceSize = 8;
const modernNonceSize = 24;
