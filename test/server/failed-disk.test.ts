import SqliteDatabase from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { Exchange, makeNode, openStore } from '../support/harness.ts';
import { buildRequest, defaultChallenge, getPayload, postPayload } from '../support/wire.ts';

/** After a sync that failed nothing is acknowledged any more: every key-exchange request is refused, and signed (RP-5). */
const coin = Buffer.from('010000012c', 'hex');
const keyId = Buffer.alloc(16, 1);
const post = buildRequest({ group: 4, command: 41, payload: postPayload(keyId, coin, Buffer.alloc(128), 0, 9) });
const get = buildRequest({ group: 4, command: 43, payload: getPayload(keyId) });
const echo = buildRequest({ group: 0, command: 0 });

describe('a disk that failed to sync', () => {
  it('ends all acknowledgements, of what reads as well', () => {
    const store = openStore(makeNode());
    const exchange = new Exchange(store);
    expect(exchange.status(post)).toBe(250);
    const { write } = store;
    store.write = () => {
      throw new SqliteDatabase.SqliteError('disk I/O error', 'SQLITE_IOERR_FSYNC');
    };
    const first = exchange.send(post, get, echo);
    store.write = write;
    const later = exchange.send(post, get, echo);
    for (const replies of [first, later]) {
      expect(replies.map((reply) => reply.readUInt8(2))).toEqual([194, 194, 250]);
      for (const reply of replies) expect(reply.toString('hex', 16, 32)).toBe(defaultChallenge.toString('hex'));
    }
    expect(exchange.diskFailures).toBe(1);
  });
});
