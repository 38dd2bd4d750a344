import { Buffer } from 'node:buffer';
import { u16 } from '../bytes/numbers.ts';
import { type Slice, sliceOf } from '../bytes/slice.ts';
import { struct } from '../bytes/struct.ts';
import { challengeSize, isSoundChallenge, isSoundSealedChallenge } from './challenge.ts';
import { applyAesCtr, combine, counterBlockCount, type Keystream } from './cipher.ts';
import { EncryptionType, isModern } from './encryption-type.ts';
import { appendHmac, equalSecrets, hashedKey, hmacSha256, hmacSize, isFollowedBy, isFollowedByHmac } from './hmac.ts';
import type { Text } from './keystreams.ts';
import { Refusal } from './refusal.ts';
import type { RequestHeader } from './request-header.ts';
import { Status } from './status.ts';

/** Every body ends with these two bytes, never encrypted. */
export const terminator = Buffer.from('3e3e', 'hex');
export const terminatorSize = terminator.length;
const terminatorLayout = struct({ mark: u16 });
const terminatorMark = terminatorLayout.at.mark.get(terminator, 0);

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
  /** Starts with the challenge of types 0 and 1, sealed by the keystream if there is one; undefined where there was none. */
  readonly challenge: Slice | undefined;
  /** What opens a type 1 body; the reply takes the same, from its start (Q5). */
  readonly keystream: Keystream | undefined;
}

/** Key of the request's envelope from the authentication numbers of the coins that its header names. */
export function envelopeKey(encryptionType: number, first: Buffer | undefined, second?: Buffer): Buffer | undefined {
  if (encryptionType === EncryptionType.none || first === undefined) return undefined;
  return isModern(encryptionType) ? hashedKey(first, second) : first;
}

/** The part of a body that its keystream opens, which is at its start. */
export function sealedText({ encryptionType, nonce }: RequestHeader, body: Slice): Text {
  const sealedEnd = isModern(encryptionType) ? envelopeSize(encryptionType) : terminatorSize;
  return { nonce, size: Math.max(0, body.size - sealedEnd) };
}

/**
 * Checks and opens a body that was framed whole, in the protocol's order (RB-1 to RB-6). `bodySize` is the size that the
 * header declared; `body` may be shorter where the framer kept only its ends, and then carries no payload. `keystream` is
 * that of its `sealedText` and `hmac` its HMAC under `key`, where they are known already. Throws a Refusal.
 */
export function openBody(
  header: RequestHeader,
  body: Slice,
  key: Buffer | undefined,
  keystream?: Keystream,
  hmac?: Buffer,
): OpenedBody {
  if (body.size === 0) return { payload: noPayload, key, challenge: undefined, keystream: undefined };
  if (body.size < terminatorSize) throw new Refusal(Status.INVALID_PACKET_LENGTH, 'body-too-short');
  if (!endsWithTerminator(body)) throw new Refusal(Status.INVALID_EOF, 'no-terminator');
  if (body.size < envelopeSize(header.encryptionType))
    throw new Refusal(Status.INVALID_PACKET_LENGTH, 'body-too-short');
  return isModern(header.encryptionType)
    ? openModern(header, body, key, keystream, hmac)
    : openLegacy(header, body, key, keystream);
}

function openLegacy(
  header: RequestHeader,
  body: Slice,
  key: Buffer | undefined,
  keystream: Keystream | undefined,
): OpenedBody {
  if (key === undefined) {
    if (!isSoundChallenge(body)) throw new Refusal(Status.INVALID_CRC, 'challenge-crc');
    return { payload: legacyPayload(body, body.size - terminatorSize), key, challenge: body, keystream };
  }
  if (keystream !== undefined) {
    if (!isSoundSealedChallenge(body, keystream)) throw new Refusal(Status.INVALID_CRC, 'challenge-crc');
    return { payload: openPayload(body, keystream), key, challenge: body, keystream };
  }
  const { buffer, start, size } = body;
  const clear = sliceOf(applyAesCtr(key, header.nonce, buffer.subarray(start, start + size - terminatorSize)));
  if (!isSoundChallenge(clear)) throw new Refusal(Status.INVALID_CRC, 'challenge-crc');
  return { payload: legacyPayload(clear, clear.size), key, challenge: clear, keystream };
}

/** Enciphers or deciphers the first `size` bytes of a text, by their keystream where it is known. */
function applyKeystream(
  key: Buffer,
  nonce: Slice,
  { buffer, start }: Slice,
  size: number,
  keystream: Keystream | undefined,
): Buffer {
  if (size === 0) return noPayload;
  if (keystream === undefined) return applyAesCtr(key, nonce, buffer.subarray(start, start + size));
  const result = Buffer.allocUnsafe(size);
  combine(result, 0, buffer, start, size, keystream);
  return result;
}

/** What follows the sealed challenge, which is as long as a block. */
function openPayload({ buffer, start, size }: Slice, { blocks, first, count }: Keystream): Buffer {
  const payloadSize = size - terminatorSize - challengeSize;
  if (payloadSize === 0) return noPayload;
  const payload = Buffer.allocUnsafe(payloadSize);
  combine(payload, 0, buffer, start + challengeSize, payloadSize, { blocks, first: first + 1, count: count - 1 });
  return payload;
}

/** What follows the challenge in the first `size` bytes. */
function legacyPayload({ buffer, start }: Slice, size: number): Buffer {
  return size === challengeSize ? noPayload : buffer.subarray(start + challengeSize, start + size);
}

function openModern(
  header: RequestHeader,
  body: Slice,
  key: Buffer | undefined,
  keystream: Keystream | undefined,
  hmac: Buffer | undefined,
): OpenedBody {
  if (key === undefined) throw new Error('types 4 and 5 always have a key');
  const { buffer, start } = body;
  const size = body.size - terminatorSize - hmacSize;
  const isSound =
    hmac === undefined ? isFollowedByHmac(key, buffer, start, size) : isFollowedBy(hmac, buffer, start + size);
  if (!isSound) throw new Refusal(Status.INVALID_HMAC, 'hmac');
  const payload = applyKeystream(key, header.nonce, body, size, keystream);
  return { payload, key, challenge: undefined, keystream };
}

/** The HMAC in a sound body of types 4 and 5; undefined for other types. */
export function sentHmac({ encryptionType }: RequestHeader, { buffer, start, size }: Slice): Buffer | undefined {
  if (!isModern(encryptionType)) return undefined;
  const end = start + size - terminatorSize;
  return buffer.subarray(end - hmacSize, end);
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
function sealModern(key: Buffer, nonce: Slice, payload: Buffer): Buffer {
  const ciphertext = applyAesCtr(key, nonce, payload);
  return Buffer.concat([ciphertext, hmacSha256(key, ciphertext), terminator]);
}

/** Writes the body of a reply of types 4 and 5 behind its header, where there is room for it; its HMAC is still missing. */
export function writeModernReply(
  target: Buffer,
  start: number,
  key: Buffer,
  nonce: Slice,
  payload: Buffer,
  keystream: Keystream | undefined,
): void {
  const size = payload.length;
  if (keystream === undefined) target.set(applyAesCtr(key, nonce, payload), start);
  else combine(target, start, payload, 0, size, keystream);
  terminatorLayout.at.mark.set(target, start + size + hmacSize, terminatorMark);
}

/** Writes the HMAC that is missing there, behind `size` bytes of ciphertext; `hmac` is that, where it is known already. */
export function writeReplyHmac(
  target: Buffer,
  start: number,
  size: number,
  key: Buffer,
  hmac: Buffer | undefined,
): void {
  if (hmac === undefined) appendHmac(key, target, start, size);
  else target.set(hmac, start + size);
}

/**
 * Writes the body of a type 0 or 1 reply behind its header, where there is room for it. Type 1 uses the request's own key and
 * nonce again, as the protocol wants it (Q5), and so its keystream, where the request was as long.
 */
export function writeLegacyReply(
  target: Buffer,
  start: number,
  { key, keystream }: Pick<OpenedBody, 'key' | 'keystream'>,
  requestNonce: Slice,
  payload: Buffer,
): void {
  const size = payload.length;
  if (key === undefined) target.set(payload, start);
  else if (keystream === undefined || keystream.count < counterBlockCount(size))
    target.set(applyAesCtr(key, requestNonce, payload), start);
  else combine(target, start, payload, 0, size, keystream);
  terminatorLayout.at.mark.set(target, start + size, terminatorMark);
}

/** The reply is not what the protocol says it should be. */
export class ReplyError extends Error {
  constructor(what: string) {
    super(`the reply ${what}`);
    this.name = 'ReplyError';
  }
}

/** Payload of a type 0 or 1 reply. Throws ReplyError. */
export function openLegacyReply(key: Buffer | undefined, requestNonce: Slice, body: Buffer): Buffer {
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
  return applyAesCtr(key, sliceOf(replyNonce), ciphertext);
}

function withoutTerminator(body: Buffer): Buffer {
  if (!endsWithTerminator(sliceOf(body))) throw new ReplyError('has no terminator');
  return body.subarray(0, body.length - terminatorSize);
}

function endsWithTerminator({ buffer, start, size }: Slice): boolean {
  return (
    size >= terminatorSize && terminatorLayout.at.mark.get(buffer, start + size - terminatorSize) === terminatorMark
  );
}
