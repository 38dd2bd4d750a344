import { Buffer } from 'node:buffer';
import { copyBytes } from '../bytes/copy.ts';
import type { Slice } from '../bytes/slice.ts';
import type { RandomSource } from '../domain/random.ts';
import {
  envelopeSize,
  type OpenedBody,
  terminatorSize,
  writeLegacyReply,
  writeModernReply,
  writeReplyHmac,
} from './body.ts';
import { challengeSize } from './challenge.ts';
import { counterBlockSize, xorInto } from './cipher.ts';
import { EncryptionType, isModern } from './encryption-type.ts';
import { type HmacsAhead, noHmacsAhead } from './hmacs-ahead.ts';
import { Keystreams, type Text } from './keystreams.ts';
import { type RequestHeader, secondCoinInNonce } from './request-header.ts';
import { echoOf, legacyResponseHeader, modernResponseHeader, noSignature } from './response.ts';

const signatureStart = legacyResponseHeader.size - challengeSize;
const freshNonceSize = 22;
const executionTimeMax = 0xffff_ffff;
const unopened: OpenedBody = { payload: Buffer.alloc(0), key: undefined, challenge: undefined, keystream: undefined };

/** What a reply says, and what is needed to seal it. */
export interface Reply {
  readonly raidaId: number;
  readonly status: number;
  readonly payload: Buffer;
  readonly executionTimeUs: number;
  /** The request's; absent where its envelope was not sound: the signature is then zeros (Q6). */
  readonly opened?: OpenedBody | undefined;
}

/** A reply, what it answers, and who gets it. */
export interface Answer {
  readonly request: RequestHeader;
  readonly reply: Reply;
  readonly receiver: object;
}

/** A modern reply without its HMAC. */
interface UnfinishedReply {
  /** Where its ciphertext is. */
  readonly target: Buffer;
  readonly start: number;
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
  /** Of all replies, one behind the other; undefined until a modern one needs its own. */
  #nonces: Buffer | undefined;
  #unfinished: UnfinishedReply[] = [];

  constructor(random: RandomSource, hmacs = noHmacsAhead) {
    this.#random = random;
    this.#hmacs = hmacs;
  }

  /** Header and body of each reply, in their order, ready for the socket; those of a run (`runsOf`) in one buffer. */
  encode(answers: readonly Answer[]): Buffer[] {
    this.#begin(answers);
    let index = 0;
    const encoded = runsOf(answers).map((run) => {
      const bytes = this.#encodeRun(run, index);
      index += run.length;
      return bytes;
    });
    for (const { target, start, size, key, hmac } of this.#unfinished) {
      writeReplyHmac(target, start, size, key, this.#hmacs.take(hmac));
    }
    this.#begin([]);
    return encoded;
  }

  #begin(answers: readonly Answer[]): void {
    this.#answers = answers;
    this.#nonces = undefined;
    this.#unfinished = [];
    this.#keystreams.clear();
    this.#hmacs.begin(answers.length);
  }

  /** `first` is the place of the run among all answers. */
  #encodeRun(run: readonly Answer[], first: number): Buffer {
    let size = 0;
    for (const answer of run) size += headerSizeOf(answer) + bodySizeOf(answer);
    const target = Buffer.allocUnsafe(size);
    let start = 0;
    let index = first;
    for (const answer of run) {
      if (isModern(answer.request.encryptionType)) this.#writeModern(target, start, answer, index);
      else writeLegacy(target, start, answer);
      start += headerSizeOf(answer) + bodySizeOf(answer);
      index += 1;
    }
    return target;
  }

  /** A modern reply; if it has a body, its HMAC is still missing. */
  #writeModern(target: Buffer, start: number, answer: Answer, index: number): void {
    const { request, reply } = answer;
    const coin = request.coins[0];
    const { at } = modernResponseHeader;
    at.raidaId.set(target, start, reply.raidaId);
    at.shardId.set(target, start, 0);
    at.status.set(target, start, reply.status);
    at.commandGroup.set(target, start, request.commandGroup);
    at.executionTimeUs.set(target, start, Math.min(reply.executionTimeUs, executionTimeMax));
    at.blank.set(target, start, 0);
    at.bodySize.set(target, start, bodySizeOf(answer));
    at.presentation.set(target, start, 0);
    at.encryptionType.set(target, start, request.encryptionType);
    at.denomination.set(target, start, coin?.denomination ?? 0);
    at.serialNumber.set(target, start, coin?.serialNumber ?? 0);
    at.spare.set(target, start, 0);
    at.nonce.set(target, start, this.#nonceOf(index));
    at.echo.set(target, start, echoOf(request));
    this.#writeModernBody(target, start + modernResponseHeader.size, reply, index);
  }

  #writeModernBody(target: Buffer, start: number, { payload, opened }: Reply, index: number): void {
    const key = opened?.key;
    const size = payload.length;
    if (key === undefined || size === 0) return;
    if (!this.#keystreams.has(index, key)) {
      this.#keystreams.make(index, key, (other) => this.#sealedUnder(key, other));
    }
    writeModernReply(target, start, key, this.#nonceOf(index), payload, this.#keystreams.of(index));
    this.#unfinished.push({ target, start, size, key, hmac: this.#hmacs.ask(key, target, start, size) });
  }

  /** Random bytes; type 5 repeats the second coin in front, as in its request. */
  #drawNonces(): Buffer {
    const nonces = this.#random.bytes(this.#answers.length * freshNonceSize);
    for (const [index, { request }] of this.#answers.entries()) {
      if (request.encryptionType !== EncryptionType.twoCoinsHashed) continue;
      const [, second = { denomination: 0, serialNumber: 0 }] = request.coins;
      secondCoinInNonce.at.denomination.set(nonces, index * freshNonceSize, second.denomination);
      secondCoinInNonce.at.serialNumber.set(nonces, index * freshNonceSize, second.serialNumber);
    }
    return nonces;
  }

  #nonceOf(index: number): Slice {
    this.#nonces ??= this.#drawNonces();
    return { buffer: this.#nonces, start: index * freshNonceSize, size: freshNonceSize };
  }

  #sealedUnder(key: Buffer, index: number): Text | undefined {
    const answer = this.#answers[index];
    if (answer?.reply.opened?.key !== key) return undefined;
    return { nonce: this.#nonceOf(index), size: answer.reply.payload.length };
  }
}

/** Answers that follow each other and have the same receiver. */
export function runsOf(answers: readonly Answer[]): Answer[][] {
  const runs: Answer[][] = [];
  let run: Answer[] = [];
  let receiver: object | undefined;
  for (const answer of answers) {
    if (answer.receiver !== receiver) {
      run = [];
      runs.push(run);
      receiver = answer.receiver;
    }
    run.push(answer);
  }
  return runs;
}

function headerSizeOf({ request }: Answer): number {
  return isModern(request.encryptionType) ? modernResponseHeader.size : legacyResponseHeader.size;
}

/** Nothing is sealed where there is nothing to say, and under types 4 and 5 where there is no key for it. */
function bodySizeOf({ request, reply }: Answer): number {
  const { length } = reply.payload;
  if (length === 0) return 0;
  if (!isModern(request.encryptionType)) return length + terminatorSize;
  return reply.opened?.key === undefined ? 0 : length + envelopeSize(request.encryptionType);
}

function writeLegacy(target: Buffer, start: number, answer: Answer): void {
  const { request, reply } = answer;
  const { payload, opened = unopened } = reply;
  // Field by field: made of an object, the header alone was a tenth of an echo.
  const { at } = legacyResponseHeader;
  at.raidaId.set(target, start, reply.raidaId);
  at.shardId.set(target, start, 0);
  at.status.set(target, start, reply.status);
  at.commandGroup.set(target, start, request.commandGroup);
  at.frameCount.set(target, start, 1);
  at.echo.set(target, start, echoOf(request));
  at.blank.set(target, start, 0);
  at.bodySize.set(target, start, bodySizeOf(answer));
  at.executionTimeUs.set(target, start, Math.min(reply.executionTimeUs, executionTimeMax));
  writeSignature(target, start + signatureStart, opened);
  if (payload.length > 0) writeLegacyReply(target, start + legacyResponseHeader.size, opened, request.nonce, payload);
}

/** The challenge in clear, under type 1 with the key. */
function writeSignature(target: Buffer, start: number, { challenge, key, keystream }: OpenedBody): void {
  if (challenge === undefined) target.set(noSignature, start);
  else if (key === undefined) copyBytes(challenge.buffer, challenge.start, target, start, challengeSize);
  else if (keystream === undefined) xorInto(target, start, challenge.buffer, challenge.start, key, 0, challengeSize);
  else {
    const { buffer, start: sealedStart } = challenge;
    const { bytes } = keystream.blocks;
    const keystreamStart = keystream.first * counterBlockSize;
    // All three in one pass: two take a third longer.
    for (let index = 0; index < challengeSize; index += 1) {
      const sealed = buffer[sealedStart + index] ?? 0;
      target[start + index] = sealed ^ (bytes[keystreamStart + index] ?? 0) ^ (key[index] ?? 0);
    }
  }
}
