import { describe, expect, it } from 'vitest';
import { coinPayload, ticketRecordPayload } from '../../src/client/payloads.ts';
import { Exchange, makeNode, openBeside, openStore, systemRandom } from '../support/harness.ts';
import { encryptionCoinFiles, restoreFirstHalf } from '../support/reconstruction.ts';
import { coin, fetched, keyId, other, post } from '../support/sealing-coins.ts';
import {
  buildRequest,
  challengeOf,
  ctr,
  getPayload,
  openModernReply,
  readReply,
  type WireCoin,
} from '../support/wire.ts';

/** Requests of one batch that the same coin seals share work: each is opened and sealed as if it had come alone (Q5). */
interface Sent {
  readonly type: 1 | 4;
  readonly coin: WireCoin;
  readonly nonce: Buffer;
  readonly challenge: Buffer;
}

const sentBy = (type: 1 | 4, by: WireCoin, id: number): Sent => ({
  type,
  coin: by,
  nonce: Buffer.alloc(24, id),
  challenge: challengeOf(Buffer.alloc(12, id)),
});
const request = (sent: Sent, group: number, command: number, payload: Buffer = Buffer.alloc(0)) =>
  buildRequest({ ...sent, group, command, coins: [sent.coin], payload });
const echo = (sent: Sent) => request(sent, 0, 0);
const get = (sent: Sent) => request(sent, 4, 43, getPayload(keyId));

function payloadOf(reply: Buffer, { type, coin: by, nonce }: Sent): Buffer {
  const read = readReply(reply, type === 4);
  if (read === undefined) throw new Error('the reply is not whole');
  if (type === 4) return openModernReply(read, [by]);
  return ctr(by.secret, Buffer.concat([nonce.subarray(0, 8), Buffer.alloc(8)]), read.body.subarray(0, -2));
}

describe('a batch of sealed requests', () => {
  it('gives each reply its own keystream, however coins and types alternate', () => {
    const exchange = new Exchange(openStore(makeNode([coin, other])));
    exchange.one(post);
    const runs = [40, 3, 1, 1, 2, 35, 1].flatMap((length, run) =>
      Array.from({ length }, () => ({
        type: run % 2 === 0 ? (1 as const) : (4 as const),
        by: run % 3 === 0 ? other : coin,
      })),
    );
    const all = runs.map(({ type, by }, index) => sentBy(type, by, index + 1));
    const replies = exchange.send(...all.map(get));
    expect(replies.map((reply, index) => payloadOf(reply, all[index] ?? sentBy(1, coin, 0)))).toEqual(
      all.map(() => fetched),
    );
  });

  it('keeps requests of one coin apart from those of the same coin and another, whichever that is', () => {
    const third = { denomination: 2, serialNumber: 79, secret: Buffer.alloc(16, 0xe4) };
    const exchange = new Exchange(openStore(makeNode([coin, other, third])));
    exchange.one(post);
    const all = ([4, 5, 4, 4, 5, 5, 4] as const).map((type, id) => ({
      type,
      coins: type === 5 ? [coin, id === 4 ? third : other] : [coin],
      nonce: Buffer.alloc(24, id + 1),
    }));
    const requests = all.map((sent) => buildRequest({ ...sent, group: 4, command: 43, payload: getPayload(keyId) }));
    const replies = exchange.send(...requests).map((reply) => readReply(reply, true));
    for (const [index, { coins }] of all.entries()) {
      const reply = replies[index];
      expect(reply && openModernReply(reply, coins)).toEqual(fetched);
    }
  });

  it('answers all others where a reply cannot be sealed', () => {
    let calls = 0;
    const random = {
      bytes: (size: number) => {
        calls += 1;
        // For the batch, and for the third request alone.
        if (calls === 1 || calls === 4) throw new Error('no randomness');
        return systemRandom.bytes(size);
      },
    };
    const exchange = new Exchange(openStore(makeNode([coin])), { random });
    exchange.one(post);
    const all = [1, 2, 3, 4, 5].map((id) => sentBy(4, coin, id));
    const replies = exchange.send(...all.map(get));
    expect(replies.map((reply) => reply[2])).toEqual([250, 250, 252, 250, 250]);
    const opened = replies.map((reply, index) =>
      reply[2] === 250 ? payloadOf(reply, all[index] ?? sentBy(4, coin, 0)) : reply.length,
    );
    expect(opened).toEqual([fetched, fetched, 48, fetched, fetched]);
  });

  it('goes by the old secret again where the change of a coin was undone with the batch', () => {
    const directory = makeNode([coin], encryptionCoinFiles);
    const exchange = new Exchange(openStore(directory));
    openBeside(directory).exec(
      `CREATE TRIGGER lost BEFORE INSERT ON events WHEN NEW.action = 'post-key'
       BEGIN SELECT RAISE(ROLLBACK, 'database or disk is full'); END`,
    );
    const half = Buffer.alloc(8, 0xee);
    const restored = { ...coin, secret: Buffer.concat([half, coin.secret.subarray(8)]) };
    const before = ([1, 4] as const).flatMap((type) => [echo(sentBy(type, coin, 1)), echo(sentBy(type, coin, 2))]);
    const after = ([1, 4] as const).flatMap((type) => [
      echo(sentBy(type, restored, 3)),
      echo(sentBy(type, coin, 4)),
      echo(sentBy(type, coin, 5)),
    ]);
    const replies = exchange.send(...before, restoreFirstHalf(coin, half), ...after, post);
    expect(replies.map((reply) => reply[2])).toEqual([250, 250, 250, 250, 194, 37, 250, 250, 204, 250, 250, 194]);
  });

  it('opens what follows a change of its coin with the new secret, and nothing with the old one', () => {
    const exchange = new Exchange(openStore(makeNode([coin], encryptionCoinFiles)));
    const half = Buffer.alloc(8, 0xee);
    const restored = { ...coin, secret: Buffer.concat([half, coin.secret.subarray(8)]) };
    const batch = ([1, 4] as const).flatMap((type) => [echo(sentBy(type, coin, 1)), echo(sentBy(type, coin, 2))]);
    const after = ([1, 4] as const).flatMap((type) => [
      echo(sentBy(type, coin, 3)),
      echo(sentBy(type, restored, 4)),
      echo(sentBy(type, restored, 5)),
      echo(sentBy(type, coin, 6)),
    ]);
    const replies = exchange.send(...batch, restoreFirstHalf(coin, half), ...after);
    expect(replies.map((reply) => reply[2])).toEqual([250, 250, 250, 250, 250, 37, 250, 250, 37, 204, 250, 250, 204]);
    expect(replies[4]?.subarray(32)).toEqual(Buffer.from('013e3e', 'hex'));
  });

  it('is signed alike, whether its keystream is shared or it is too long for that', () => {
    const exchange = new Exchange(openStore(makeNode([coin], encryptionCoinFiles)));
    const all = [1, 2, 3, 4].map((id) => sentBy(1, coin, id));
    const record = ticketRecordPayload.size;
    const sizes = [1, 30, 2, 40].map((count) => coinPayload.size + count * record);
    const requests = all.map((sent, index) => request(sent, 4, 45, Buffer.alloc(sizes[index] ?? 0)));
    const replies = exchange.send(...requests).map((reply) => readReply(reply));
    const wanted = all.map(({ challenge }) =>
      Buffer.from(challenge.map((byte, index) => byte ^ (coin.secret[index] ?? 0))).toString('hex'),
    );
    expect(replies.map((reply) => reply?.signature)).toEqual(wanted);
    expect(sizes[1]).toBeGreaterThan(256);
  });

  it('is signed request by request: type 1 with its challenge under its own secret', () => {
    const exchange = new Exchange(openStore(makeNode([coin, other])));
    const all = [1, 2, 3, 4].map((id) => sentBy(1, id % 2 === 0 ? other : coin, id));
    const wrong = sentBy(1, { ...coin, secret: Buffer.alloc(16) }, 9);
    const replies = exchange.send(...[...all, wrong].map(echo));
    const signatures = all.map(({ challenge, coin: { secret } }) =>
      Buffer.from(challenge.map((byte, index) => byte ^ (secret[index] ?? 0))).toString('hex'),
    );
    expect(replies.map((reply) => readReply(reply)?.signature)).toEqual([...signatures, '00'.repeat(16)]);
  });
});
