import { createCipheriv, createHash, createHmac, hash, randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { crc32 } from 'node:zlib';
import type { Type } from '../cases.ts';
import { answerCalls } from '../child-calls.ts';

/** The ceiling of computation: the ciphers, checksums and hashes of one request after the other, and nothing else. */
export interface Computation {
  readonly type: Type;
  /** Bytes of payload, in and out; none is not sealed at all in a reply. */
  readonly requestSize: number;
  readonly replySize: number;
  /** Whether the request leaves an event, which is hashed. */
  readonly traced: boolean;
  readonly seconds: number;
}

const challengeSize = 16;
const secret = randomBytes(16);
const counterBlock = randomBytes(16);
/** As long as the JSON text of an event is. */
const eventText = randomBytes(110).toString('hex');
const requestsBetweenLooks = 256;

function openAndSeal({ type, requestSize, replySize }: Computation): () => void {
  const challenge = randomBytes(challengeSize - 4);
  const reply = randomBytes(replySize);
  if (type === 0) return () => crc32(challenge);
  if (type === 1) {
    const body = randomBytes(challengeSize + requestSize);
    return () => {
      createCipheriv('aes-128-ctr', secret, counterBlock).update(body);
      crc32(challenge);
      if (replySize > 0) createCipheriv('aes-128-ctr', secret, counterBlock).update(reply);
    };
  }
  const body = randomBytes(requestSize);
  return () => {
    const key = createHash('sha256').update(secret).digest();
    createHmac('sha256', key).update(body).digest();
    createCipheriv('aes-256-ctr', key, counterBlock).update(body);
    if (replySize === 0) return;
    createCipheriv('aes-256-ctr', key, counterBlock).update(reply);
    createHmac('sha256', key).update(reply).digest();
  };
}

/** Returns requests a second. */
function compute(computation: Computation): number {
  const envelope = openAndSeal(computation);
  const began = performance.now();
  const endMs = began + computation.seconds * 1_000;
  let requests = 0;
  while (performance.now() < endMs) {
    for (let index = 0; index < requestsBetweenLooks; index += 1) {
      envelope();
      if (computation.traced) hash('sha256', eventText, 'buffer');
    }
    requests += requestsBetweenLooks;
  }
  return (requests * 1_000) / (performance.now() - began);
}

const calls = { compute };

export type ComputationCalls = typeof calls;

answerCalls(calls);
