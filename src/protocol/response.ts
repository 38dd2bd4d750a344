import { Buffer } from 'node:buffer';
import { bytes, i8, leadingBytes, struct, u8, u16, u24, u32 } from '../bytes/struct.ts';
import type { RandomSource } from '../domain/random.ts';
import {
  envelopeSize,
  type OpenedBody,
  openLegacyReply,
  openModernReply,
  ReplyError,
  sealLegacyReply,
  terminator,
  terminatorSize,
  writeModernReply,
  writeReplyHmac,
} from './body.ts';
import { challengeSize } from './challenge.ts';
import { xorInto } from './cipher.ts';
import { EncryptionType, isModern } from './encryption-type.ts';
import { type HmacsAhead, noHmacsAhead } from './hmacs-ahead.ts';
import { Keystreams, type Text } from './keystreams.ts';
import { type RequestHeader, secondCoinInNonce } from './request-header.ts';

/** Header of a reply to types 0, 1 and 2. */
export const legacyResponseHeader = struct({
  raidaId: u8,
  shardId: u8,
  status: u8,
  commandGroup: u8,
  frameCount: u16,
  echo: u16,
  blank: u8,
  bodySize: u24,
  executionTimeUs: u32,
  signature: leadingBytes(16),
});

/** Header of a reply to types 4 and 5. Its nonce seals the body and ends in the request's last two nonce bytes. */
export const modernResponseHeader = struct({
  raidaId: u8,
  shardId: u8,
  status: u8,
  commandGroup: u8,
  executionTimeUs: u32,
  blank: u8,
  bodySize: u24,
  presentation: u32,
  encryptionType: u8,
  denomination: i8,
  serialNumber: u32,
  spare: u16,
  nonce: bytes(22),
  echo: u16,
});

/** What a reply repeats of its request's nonce. */
const legacyNonce = struct({ start: bytes(6), echo: u16 });
const modernNonce = struct({ start: bytes(22), echo: u16 });

const signatureStart = legacyResponseHeader.size - challengeSize;
const modernNonceStart = modernResponseHeader.size - 24;
const freshNonceSize = 22;
const executionTimeMax = 0xffff_ffff;
const noSignature = Buffer.alloc(challengeSize);
const noBody = Buffer.alloc(0);
const unopened: OpenedBody = { payload: noBody, key: undefined, challenge: undefined, keystream: undefined };

/** What a reply says, and what is needed to seal it. */
export interface Reply {
  readonly raidaId: number;
  readonly status: number;
  readonly payload: Buffer;
  readonly executionTimeUs: number;
  /** The request's; absent where its envelope was not sound: the signature is then zeros (Q6). */
  readonly opened?: OpenedBody | undefined;
}

/** A reply and what it answers. */
export interface Answer {
  readonly request: RequestHeader;
  readonly reply: Reply;
}

/** A modern reply without its HMAC. */
interface UnfinishedReply {
  readonly bytes: Buffer;
  /** Of its ciphertext. */
  readonly size: number;
  readonly key: Buffer;
  /** What `HmacsAhead` knows its HMAC by. */
  readonly hmac: number | undefined;
}

/** Encodes replies that leave together. */
export class ReplyEncoder {
  readonly #random: RandomSource;
  readonly #hmacs: HmacsAhead;
  readonly #keystreams = new Keystreams();
  #answers: readonly Answer[] = [];
  /** Of modern replies: those that are sealed under one key are drawn together. */
  #nonces: (Buffer | undefined)[] = [];
  #unfinished: UnfinishedReply[] = [];

  constructor(random: RandomSource, hmacs = noHmacsAhead) {
    this.#random = random;
    this.#hmacs = hmacs;
  }

  /** Header and body of each reply, in their order, ready for the socket. */
  encode(answers: readonly Answer[]): Buffer[] {
    this.#begin(answers);
    const encoded = answers.map(({ request, reply }, index) =>
      isModern(request.encryptionType) ? this.#encodeModern(request, reply, index) : encodeLegacy(request, reply),
    );
    for (const { bytes, size, key, hmac } of this.#unfinished) {
      writeReplyHmac(bytes, modernResponseHeader.size, size, key, this.#hmacs.take(hmac));
    }
    this.#begin([]);
    return encoded;
  }

  #begin(answers: readonly Answer[]): void {
    this.#answers = answers;
    this.#nonces = new Array(answers.length).fill(undefined);
    this.#unfinished = [];
    this.#keystreams.clear();
    this.#hmacs.begin(answers.length);
  }

  /** A modern reply; if it has a body, its HMAC is still missing. */
  #encodeModern(request: RequestHeader, { raidaId, status, payload, executionTimeUs, opened }: Reply, index: number) {
    const key = payload.length === 0 ? undefined : opened?.key;
    const nonce = this.#nonceOf(request, index);
    const bodySize = key === undefined ? 0 : payload.length + envelopeSize(request.encryptionType);
    const bytes = Buffer.allocUnsafe(modernResponseHeader.size + bodySize);
    const coin = request.coins[0];
    const { at } = modernResponseHeader;
    at.raidaId.set(bytes, 0, raidaId);
    at.shardId.set(bytes, 0, 0);
    at.status.set(bytes, 0, status);
    at.commandGroup.set(bytes, 0, request.commandGroup);
    at.executionTimeUs.set(bytes, 0, Math.min(executionTimeUs, executionTimeMax));
    at.blank.set(bytes, 0, 0);
    at.bodySize.set(bytes, 0, bodySize);
    at.presentation.set(bytes, 0, 0);
    at.encryptionType.set(bytes, 0, request.encryptionType);
    at.denomination.set(bytes, 0, coin?.denomination ?? 0);
    at.serialNumber.set(bytes, 0, coin?.serialNumber ?? 0);
    at.spare.set(bytes, 0, 0);
    at.nonce.set(bytes, 0, nonce);
    at.echo.set(bytes, 0, echoOf(request));
    if (key !== undefined) {
      if (!this.#keystreams.has(index, key)) {
        this.#keystreams.make(index, key, (other) => this.#sealedUnder(key, other));
      }
      writeModernReply(bytes, modernResponseHeader.size, key, nonce, payload, this.#keystreams.of(index));
      const hmac = this.#hmacs.ask(key, bytes, modernResponseHeader.size, payload.length);
      this.#unfinished.push({ bytes, size: payload.length, key, hmac });
    }
    return bytes;
  }

  #nonceOf(request: RequestHeader, index: number): Buffer {
    const nonce = this.#nonces[index] ?? freshNonce(request, this.#random);
    this.#nonces[index] = nonce;
    return nonce;
  }

  #sealedUnder(key: Buffer, index: number): Text | undefined {
    const answer = this.#answers[index];
    if (answer?.reply.opened?.key !== key) return undefined;
    return { nonce: this.#nonceOf(answer.request, index), size: answer.reply.payload.length };
  }
}

function encodeLegacy(request: RequestHeader, reply: Reply): Buffer {
  const headerSize = legacyResponseHeader.size;
  const { payload, opened = unopened } = reply;
  const sealed = payload.length === 0 ? noBody : sealLegacyReply(opened, request.nonce, payload);
  const bodySize = sealed.length === 0 ? 0 : sealed.length + terminatorSize;
  const bytes = Buffer.allocUnsafe(headerSize + bodySize);
  // Field by field: made of an object, the header alone was a tenth of an echo.
  const { at } = legacyResponseHeader;
  at.raidaId.set(bytes, 0, reply.raidaId);
  at.shardId.set(bytes, 0, 0);
  at.status.set(bytes, 0, reply.status);
  at.commandGroup.set(bytes, 0, request.commandGroup);
  at.frameCount.set(bytes, 0, 1);
  at.echo.set(bytes, 0, echoOf(request));
  at.blank.set(bytes, 0, 0);
  at.bodySize.set(bytes, 0, bodySize);
  at.executionTimeUs.set(bytes, 0, Math.min(reply.executionTimeUs, executionTimeMax));
  at.signature.set(bytes, 0, opened.challenge ?? noSignature);
  if (opened.challenge !== undefined && opened.key !== undefined) {
    xorInto(bytes, signatureStart, opened.challenge, opened.key, 0, challengeSize);
  }
  if (bodySize > 0) {
    bytes.set(sealed, headerSize);
    bytes.set(terminator, headerSize + sealed.length);
  }
  return bytes;
}

function echoOf({ encryptionType, nonce }: RequestHeader): number {
  return (isModern(encryptionType) ? modernNonce : legacyNonce).at.echo.get(nonce, 0);
}

/** Random bytes; type 5 repeats the second coin in front, as in its request. */
function freshNonce(request: RequestHeader, random: RandomSource): Buffer {
  const nonce = random.bytes(freshNonceSize);
  if (request.encryptionType === EncryptionType.twoCoinsHashed) {
    const [, second = { denomination: 0, serialNumber: 0 }] = request.coins;
    secondCoinInNonce.at.denomination.set(nonce, 0, second.denomination);
    secondCoinInNonce.at.serialNumber.set(nonce, 0, second.serialNumber);
  }
  return nonce;
}

/** A reply as its reader sees it. */
export interface DecodedReply {
  readonly status: number;
  readonly payload: Buffer;
  readonly signature: Buffer;
}

/** Size in bytes of the header of the reply to `request`. */
export function responseHeaderSize(request: RequestHeader): number {
  return isModern(request.encryptionType) ? modernResponseHeader.size : legacyResponseHeader.size;
}

/** Size in bytes of the body that follows a whole response header. */
export function responseBodySize(request: RequestHeader, header: Buffer): number {
  return (isModern(request.encryptionType) ? modernResponseHeader : legacyResponseHeader).at.bodySize.get(header, 0);
}

/** Opens a whole reply. Throws where its terminator, its HMAC or its echo do not fit the request. */
export function decodeReply(request: RequestHeader, key: Buffer | undefined, reply: Buffer): DecodedReply {
  const headerSize = responseHeaderSize(request);
  const layout = isModern(request.encryptionType) ? modernResponseHeader : legacyResponseHeader;
  if (layout.at.echo.get(reply, 0) !== echoOf(request)) throw new ReplyError('answers another request');
  const body = reply.subarray(headerSize);
  const status = layout.at.status.get(reply, 0);
  if (isModern(request.encryptionType)) {
    const nonce = reply.subarray(modernNonceStart);
    return { status, payload: openModernReply(key, nonce, body), signature: noSignature };
  }
  const signature = legacyResponseHeader.at.signature.get(reply, 0);
  return { status, payload: openLegacyReply(key, request.nonce, body), signature };
}
