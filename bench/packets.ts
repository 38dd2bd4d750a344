import { randomBytes } from 'node:crypto';
import { sliceOf } from '../src/bytes/slice.ts';
import {
  coinPayload,
  getKeyPayload,
  postKeyPayload,
  ticketPayload,
  ticketRecordPayload,
} from '../src/client/payloads.ts';
import { type Coin, raidaCount } from '../src/domain/coin.ts';
import { EncryptionType, isModern } from '../src/protocol/encryption-type.ts';
import { type EncodedRequest, encodeRequest } from '../src/protocol/request.ts';
import { sealTicket } from '../src/protocol/ticket.ts';
import { PooledRandom } from '../src/server/random.ts';
import { commands, storedKeySize, type WireCase } from './cases.ts';
import {
  coinId,
  keyIdOf,
  keyOfAuthority,
  knownCoin,
  knownCoins,
  ownCoin,
  ownCoinOfAny,
  raidaId,
  randomCoin,
} from './fixture.ts';

/**
 * Requests of one size, one after the other, ready to be sent; and what a good reply looks like. Each connection has some of
 * its own, as many as the others; where a connection has one request only, all are in one part.
 */
export interface Pool {
  readonly bytes: Buffer;
  readonly requestSize: number;
  readonly parts: number;
  /** Requests of each part. */
  readonly partSize: number;
  /** Whether each may be sent only once. */
  readonly once: boolean;
  readonly reply: ReplyShape;
}

export interface ReplyShape {
  readonly size: number;
  readonly status: number;
  /** The lowest byte of the body's size. */
  readonly sizeByte: number;
  readonly headerSize: number;
}

const random = new PooledRandom();
const noAddress = Buffer.alloc(16);
const pad = randomBytes(128);
const empty = Buffer.alloc(0);

/** Of about `count` requests. `storedKeys` says how many keys the node holds for those who fetch. */
export function makePool(wireCase: WireCase, count: number, storedKeys: number, once: boolean): Pool {
  const { mode, connections, mixesCoins = false } = wireCase;
  const parts = mode === 'connection for each' ? 1 : connections;
  const partSize = Math.ceil(count / parts);
  const { length: requestSize } = requestFor(wireCase, storedKeys).bytes;
  const bytes = Buffer.alloc(requestSize * parts * partSize);
  for (let part = 0; part < parts; part += 1) {
    const own = mode === 'connection for each' || mixesCoins ? undefined : sealingCoin();
    for (let index = 0; index < partSize; index += 1) {
      requestFor(wireCase, storedKeys, own).bytes.copy(bytes, (part * partSize + index) * requestSize);
    }
  }
  return { bytes, requestSize, parts, partSize, once, reply: replyShape(wireCase) };
}

export function replyShape({ command, type }: WireCase): ReplyShape {
  const { status, replyPayloadSize } = commands[command];
  const headerSize = isModern(type) ? 48 : 32;
  const envelope = isModern(type) ? 34 : 2;
  const bodySize = replyPayloadSize === 0 ? 0 : replyPayloadSize + envelope;
  return { size: headerSize + bodySize, status, sizeByte: bodySize & 0xff, headerSize };
}

/** One request, sealed with this coin or any. */
export function requestFor(wireCase: WireCase, storedKeys: number, coin = sealingCoin()): EncodedRequest {
  const { command, type } = wireCase;
  const { group, code } = commands[command];
  const nonceStart = random.bytes(8);
  const coins = type === EncryptionType.none ? [] : [coin];
  return encodeRequest(
    {
      raidaId,
      coinId,
      commandGroup: group,
      command: code,
      payload: payloadFor(wireCase, nonceStart, storedKeys),
      encryption: { type, coins },
      nonceStart,
    },
    random,
  );
}

const sealingCoinSpacing = 24;
const sealingCoins = Array.from({ length: knownCoins / sealingCoinSpacing }, (_, index) =>
  knownCoin(index * sealingCoinSpacing),
);

function sealingCoin() {
  return sealingCoins[Math.floor(Math.random() * sealingCoins.length)] ?? knownCoin(0);
}

function payloadFor({ command, mixesCoins = false }: WireCase, nonceStart: Buffer, storedKeys: number): Buffer {
  switch (command) {
    case 'echo':
      return empty;
    case 'post key':
      return postKeyPayload.encode({
        keyId: random.bytes(16),
        clientAddress: noAddress,
        ...randomCoin(),
        pad,
        keyStart: 0,
        keySize: storedKeySize,
      });
    case 'get key': {
      const keyId = keyIdOf(Math.floor(Math.random() * storedKeys), storedKeys);
      return getKeyPayload.encode({ keyId, ...randomCoin(), clientAddress: noAddress });
    }
    case 'encrypt key 23':
      return coinPayload.encode(randomCoin());
    case 'encrypt key 31': {
      const recipient = mixesCoins ? randomCoin() : ownCoinOfAny();
      return ticketPayload.encode({ ...recipient, part: random.bytes(8) });
    }
    case 'decrypt RAIDA key 1':
      return ticketsPayload(1, nonceStart);
    case 'decrypt RAIDA key 64':
      return ticketsPayload(64, nonceStart);
  }
}

/** Not one that seals requests: its secret is about to change. */
function targetCoin(): Coin {
  const { serialNumber, ...coin } = randomCoin();
  return { ...coin, serialNumber: serialNumber % sealingCoinSpacing === 0 ? serialNumber + 1 : serialNumber };
}

/** Fresh tickets for random coins: one seen before would be answered without a write. */
function ticketsPayload(count: number, nonceStart: Buffer): Buffer {
  const nonce = sliceOf(nonceStart);
  const records = Array.from({ length: count }, () => {
    const authority = Math.floor(Math.random() * raidaCount);
    const target = targetCoin();
    const ticket = sealTicket(keyOfAuthority(authority), nonce, target, random.bytes(8), random.bytes(2));
    const splitId = Math.floor(Math.random() * 2);
    return ticketRecordPayload.encode({ coinId, splitId, authority, shardId: 0, ...target, ticket });
  });
  return Buffer.concat([coinPayload.encode(ownCoin), ...records]);
}
