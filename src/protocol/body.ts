import { Buffer } from 'node:buffer';
import { struct, u16 } from '../bytes/struct.ts';
import { challengeSize, isSoundChallenge } from './challenge.ts';
import {
  applyAesCtr,
  equalSecrets,
  hashedKey,
  hmacSha256,
  hmacSize,
  keystreamOf,
  shortTextSizeMax,
  xor,
} from './cipher.ts';
import { EncryptionType, isModern } from './encryption-type.ts';
import { Refusal } from './refusal.ts';
import type { RequestHeader } from './request-header.ts';
import { Status } from './status.ts';

/** Every body ends with these two bytes, never encrypted. */
export const terminator = Buffer.from('3e3e', 'hex');
export const terminatorSize = terminator.length;
const terminatorLayout = struct({ mark: u16 });
const terminatorMark = terminatorLayout.at.mark.get(terminator, 0);

const noSignature = Buffer.alloc(challengeSize);
const noPayload = Buffer.alloc(0);

/** Size in bytes of what surrounds the payload in a body: 18 for types 0 and 1, 34 for types 4 and 5. */
export function envelopeSize(encryptionType: number): number {
  return (isModern(encryptionType) ? hmacSize : challengeSize) + terminatorSize;
}

/** A request body whose envelope was sound. */
export interface OpenedBody {
  readonly payload: Buffer;
  /** The key that sealed it, and that seals the reply; undefined for type 0. */
  readonly key: Buffer | undefined;
  /** Starts with bytes 16-31 of a legacy reply: the challenge, for type 1 XORed with the authentication number. */
  readonly signature: Buffer;
  /** What opened a short type 1 body; the reply takes the same, from its start (Q5). */
  readonly keystream?: Buffer | undefined;
}

/** Key of the request's envelope from the authentication numbers of the coins that its header names. */
export function envelopeKey(encryptionType: number, authenticationNumbers: readonly Buffer[]): Buffer | undefined {
  if (encryptionType === EncryptionType.none) return undefined;
  return isModern(encryptionType) ? hashedKey(authenticationNumbers) : authenticationNumbers[0];
}

/**
 * Checks and opens a body that was framed whole, in the protocol's order (RB-1 to RB-6). `bodySize` is the size that the
 * header declared; `body` may be shorter where the framer kept only its ends, and then carries no payload.
 * Throws a Refusal.
 */
export function openBody(header: RequestHeader, body: Buffer, key: Buffer | undefined): OpenedBody {
  if (body.length === 0) return { payload: noPayload, key, signature: noSignature };
  if (body.length < terminatorSize) throw new Refusal(Status.INVALID_PACKET_LENGTH, 'body-too-short');
  if (!endsWithTerminator(body)) throw new Refusal(Status.INVALID_EOF, 'no-terminator');
  if (body.length < envelopeSize(header.encryptionType))
    throw new Refusal(Status.INVALID_PACKET_LENGTH, 'body-too-short');
  return isModern(header.encryptionType) ? openModern(header, body, key) : openLegacy(header, body, key);
}

function openLegacy(header: RequestHeader, body: Buffer, key: Buffer | undefined): OpenedBody {
  if (key === undefined) {
    if (!isSoundChallenge(body)) throw new Refusal(Status.INVALID_CRC, 'challenge-crc');
    return { payload: legacyPayload(body, body), key, signature: body };
  }
  const size = body.length - terminatorSize;
  const keystream = size > shortTextSizeMax ? undefined : keystreamOf(key, header.nonce, size);
  const clear =
    keystream === undefined ? applyAesCtr(key, header.nonce, body.subarray(0, size)) : xor(body, keystream, size);
  if (!isSoundChallenge(clear)) throw new Refusal(Status.INVALID_CRC, 'challenge-crc');
  return { payload: legacyPayload(clear, body), key, signature: xor(clear, key, challengeSize), keystream };
}

function legacyPayload(clear: Buffer, body: Buffer): Buffer {
  return viewOf(clear, challengeSize, body.length - terminatorSize);
}

function openModern(header: RequestHeader, body: Buffer, key: Buffer | undefined): OpenedBody {
  if (key === undefined) throw new Error('types 4 and 5 always have a key');
  const hmacStart = body.length - terminatorSize - hmacSize;
  const ciphertext = viewOf(body, 0, hmacStart);
  const hmac = body.subarray(hmacStart, hmacStart + hmacSize);
  if (!equalSecrets(hmac, hmacSha256(key, ciphertext))) throw new Refusal(Status.INVALID_HMAC, 'hmac');
  const payload = applyAesCtr(key, header.nonce, ciphertext);
  return { payload, key, signature: noSignature };
}

function viewOf(bytes: Buffer, start: number, end: number): Buffer {
  return start === end ? noPayload : bytes.subarray(start, end);
}

/** Seals what a client sends: the inverse of `openBody`. `challenge` is used by types 0 and 1. */
export function sealBody(header: RequestHeader, key: Buffer | undefined, challenge: Buffer, payload: Buffer): Buffer {
  if (isModern(header.encryptionType)) {
    if (key === undefined) throw new Error('types 4 and 5 always have a key');
    return sealModern(key, header.nonce, payload);
  }
  const clear = Buffer.concat([challenge, payload]);
  const sealed = key === undefined ? clear : applyAesCtr(key, header.nonce, clear);
  return Buffer.concat([sealed, terminator]);
}

/** Body of types 4 and 5, in either direction: ciphertext, its HMAC, terminator. */
export function sealModern(key: Buffer, nonce: Buffer, payload: Buffer): Buffer {
  const ciphertext = applyAesCtr(key, nonce, payload);
  return Buffer.concat([ciphertext, hmacSha256(key, ciphertext), terminator]);
}

/**
 * Body of a type 0 or 1 reply, its terminator still missing. Type 1 uses the request's own key and nonce again, as the
 * protocol wants it (Q5), and so its keystream, where the request was as long.
 */
export function sealLegacyReply(
  { key, keystream }: Pick<OpenedBody, 'key' | 'keystream'>,
  requestNonce: Buffer,
  payload: Buffer,
): Buffer {
  if (key === undefined) return payload;
  if (keystream !== undefined && keystream.length >= payload.length) return xor(payload, keystream);
  return applyAesCtr(key, requestNonce, payload);
}

/** The reply is not what the protocol says it should be. */
export class ReplyError extends Error {
  constructor(what: string) {
    super(`the reply ${what}`);
    this.name = 'ReplyError';
  }
}

/** Payload of a type 0 or 1 reply. Throws ReplyError. */
export function openLegacyReply(key: Buffer | undefined, requestNonce: Buffer, body: Buffer): Buffer {
  if (body.length === 0) return noPayload;
  const sealed = withoutTerminator(body);
  return key === undefined ? sealed : applyAesCtr(key, requestNonce, sealed);
}

/** Payload of a type 4 or 5 reply, sealed under the reply's own nonce. Throws ReplyError. */
export function openModernReply(key: Buffer | undefined, replyNonce: Buffer, body: Buffer): Buffer {
  if (body.length === 0) return noPayload;
  const sealed = withoutTerminator(body);
  const ciphertext = sealed.subarray(0, Math.max(0, sealed.length - hmacSize));
  if (key === undefined || !equalSecrets(sealed.subarray(ciphertext.length), hmacSha256(key, ciphertext))) {
    throw new ReplyError('has a wrong HMAC');
  }
  return applyAesCtr(key, replyNonce, ciphertext);
}

function withoutTerminator(body: Buffer): Buffer {
  if (!endsWithTerminator(body)) throw new ReplyError('has no terminator');
  return body.subarray(0, body.length - terminatorSize);
}

function endsWithTerminator(body: Buffer): boolean {
  return (
    body.length >= terminatorSize && terminatorLayout.at.mark.get(body, body.length - terminatorSize) === terminatorMark
  );
}
