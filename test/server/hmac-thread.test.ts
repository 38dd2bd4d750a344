import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { SharedHmacs } from '../../src/protocol/shared-hmacs.ts';
import { HmacThread, textsWorthwhile } from '../../src/server/hmac-thread.ts';
import type { Store } from '../../src/storage/store.ts';
import { Exchange, makeNode, openStore, type Scripted, serveNode } from '../support/harness.ts';
import { startHmacThread } from '../support/patient-hmacs.ts';
import { encryptionCoinFiles, restoreFirstHalf } from '../support/reconstruction.ts';
import { coin, fetched, half, keyId, other, post, restored } from '../support/sealing-coins.ts';
import { converse } from '../support/socket.ts';
import { buildRequest, challengeOf, getPayload, openModernReply, readReply, type WireCoin } from '../support/wire.ts';

/** HMACs may be computed by a thread of its own: requests are opened and replies sealed as if there were none. */
const invalidHmac = 204;

let nonces = 0;
const get = (coins: readonly WireCoin[]) => {
  const type = coins.length === 0 ? 0 : coins.length === 1 ? 4 : 5;
  nonces += 1;
  const nonce = Buffer.alloc(24);
  nonce.writeUInt32BE(nonces);
  const challenge = challengeOf(Buffer.alloc(12, nonces));
  return buildRequest({ type, coins, nonce, challenge, group: 4, command: 43, payload: getPayload(keyId) });
};
const many = <T>(count: number, make: (index: number) => T) => Array.from({ length: count }, (_, index) => make(index));

function start(scripted: Scripted = {}): { exchange: Exchange; store: Store } {
  const store = openStore(makeNode([coin, other], encryptionCoinFiles));
  const exchange = new Exchange(store, scripted);
  expect(exchange.status(post)).toBe(250);
  return { exchange, store };
}

/** The payload of a reply whose HMAC is right, or its status where it has none. */
function told(reply: Buffer | undefined, coins: readonly WireCoin[]): Buffer | number | undefined {
  const read = reply && readReply(reply, true);
  return read === undefined || read.body.length === 0 ? read?.status : openModernReply(read, coins);
}

/** What was told in replies that follow each other. */
function readAll(received: Buffer): (Buffer | number | undefined)[] {
  const size = readReply(received, true)?.whole.length ?? received.length;
  return many(received.length / size, (index) => told(received.subarray(index * size, (index + 1) * size), [coin]));
}

describe('a thread that computes HMACs', () => {
  it('does so for all requests and replies of a batch that one coin seals', () => {
    const { thread, hmacs } = startHmacThread();
    const { exchange } = start({ hmacs: thread });
    for (let batch = 0; batch < 3; batch += 1) {
      const senders = many(textsWorthwhile, (index) => (index % 3 === batch ? [other] : [coin]));
      const replies = exchange.send(...senders.map((coins) => get(coins)));
      expect(replies.map((reply, index) => told(reply, senders[index] ?? []))).toEqual(senders.map(() => fetched));
    }
    expect(hmacs.asked).toBe(3 * 2 * textsWorthwhile);
    expect(hmacs.handedOver).toBeGreaterThanOrEqual(hmacs.asked);
  });

  it('leaves alone what is sealed otherwise, beside what is not', () => {
    const { thread, hmacs } = startHmacThread();
    const { exchange } = start({ hmacs: thread });
    const senders = many(textsWorthwhile, (index) => (index % 2 === 0 ? [coin, other] : [coin]));
    const plain = get([]);
    const replies = exchange.send(...senders.flatMap((coins) => [get(coins), plain]));
    expect(senders.map((coins, index) => told(replies[2 * index], coins))).toEqual(senders.map(() => fetched));
    expect(hmacs.asked, 'of requests those of one coin, of replies all').toBe(1.5 * textsWorthwhile);
  });

  it('has those refused that are not sound, and no others', () => {
    const { thread } = startHmacThread();
    const { exchange } = start({ hmacs: thread });
    const requests = many(textsWorthwhile, () => get([coin]));
    const size = requests[0]?.length ?? 0;
    const places = [size - 34 - 37, size - 60, size - 35, size - 34, size - 3];
    for (const [index, place] of places.entries()) {
      const changed = requests[index * 10];
      if (changed !== undefined) changed[place] = (changed[place] ?? 0) ^ 1;
    }
    const stranger = { ...coin, serialNumber: 500 };
    const replies = exchange.send(...requests, get([stranger]), get([{ ...coin, secret: other.secret }]));
    const answers = replies.map((reply) => told(reply, [coin]));
    expect(answers.slice(textsWorthwhile)).toEqual([25, invalidHmac]);
    expect(answers.slice(0, textsWorthwhile)).toEqual(
      requests.map((_, index) => (index % 10 === 0 && index / 10 < places.length ? invalidHmac : fetched)),
    );
  });

  it('goes by the secret that a coin has in its turn', () => {
    const { thread, hmacs } = startHmacThread();
    const { exchange } = start({ hmacs: thread });
    const before = many(textsWorthwhile, () => get([coin]));
    const replies = exchange.send(...before, restoreFirstHalf(coin, half), get([coin]), get([restored]));
    expect(replies.slice(0, before.length).map((reply) => told(reply, [coin]))).toEqual(before.map(() => fetched));
    expect(told(replies.at(-2), [coin])).toBe(invalidHmac);
    expect(told(replies.at(-1), [restored])).toEqual(fetched);
    expect(hmacs.handedOver, 'asked for with the first secret').toBeGreaterThan(0);
  });

  it('is asked where there is enough to do, and not before', () => {
    const { thread, hmacs } = startHmacThread();
    const { exchange } = start({ hmacs: thread });
    exchange.send(...many(textsWorthwhile - 1, () => get([coin])));
    exchange.send(...many(textsWorthwhile, () => get([])));
    expect(hmacs.asked).toBe(0);
    exchange.send(...many(textsWorthwhile, () => get([coin])));
    expect(hmacs.asked).toBeGreaterThan(0);
  });

  it('works for a node until that is stopped', async () => {
    const ended = vi.spyOn(HmacThread.prototype, 'stop');
    const answered = vi.spyOn(SharedHmacs.prototype, 'at');
    const handedOver = () => answered.mock.results.filter(({ value }) => value !== undefined).length;
    onTestFinished(() => void vi.restoreAllMocks());
    const node = await serveNode(makeNode([coin]));
    await converse(node.port, [post]);
    for (let round = 0; round < 50 && handedOver() === 0; round += 1) {
      const sent = many(16, () => Buffer.concat(many(32, () => get([coin]))));
      const conversations = await Promise.all(sent.map((bytes) => converse(node.port, [bytes])));
      for (const { received } of conversations) expect(readAll(received)).toEqual(many(32, () => fetched));
    }
    expect(handedOver()).toBeGreaterThan(0);
    await node.stop();
    expect(ended).toHaveBeenCalledOnce();
    expect(await ended.mock.results[0]?.value).toBeUndefined();
  });

  it('is not asked for where the system has none to give', () => {
    const failures: Error[] = [];
    const broken = new SharedHmacs();
    Object.defineProperty(broken, 'memory', {
      get: () => {
        throw new Error('no more threads');
      },
    });
    const { exchange } = start({ hmacs: new HmacThread((error) => failures.push(error), broken) });
    for (let batch = 0; batch < 3; batch += 1) {
      const replies = exchange.send(...many(textsWorthwhile, () => get([coin])));
      expect(replies.map((reply) => told(reply, [coin]))).toEqual(many(textsWorthwhile, () => fetched));
    }
    expect(failures.map(({ message }) => message)).toEqual(['no more threads']);
  });

  it('is not needed: where it fails, that is told once, and everything goes on', async () => {
    const failures: Error[] = [];
    const broken = new SharedHmacs();
    Object.defineProperty(broken, 'memory', { value: new SharedArrayBuffer(16) });
    const thread = new HmacThread((error) => failures.push(error), broken);
    const { exchange } = start({ hmacs: thread });
    const answer = () => exchange.send(...many(textsWorthwhile, () => get([coin]))).map((reply) => told(reply, [coin]));
    const all = many(textsWorthwhile, () => fetched);
    expect(answer()).toEqual(all);
    await expect.poll(() => failures.length, { timeout: 3_000 }).toBe(1);
    const asked = vi.spyOn(broken, 'ask');
    expect(answer()).toEqual(all);
    expect(asked).not.toHaveBeenCalled();
    expect(failures).toHaveLength(1);
    await thread.stop();
  });
});
