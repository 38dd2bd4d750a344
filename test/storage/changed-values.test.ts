import { join } from 'node:path';
import SqliteDatabase from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { explainFailure } from '../../src/cli/failure.ts';
import { Store } from '../../src/storage/store.ts';
import { Exchange, makeNode } from '../support/harness.ts';
import { buildRequest, coinBytes, ctr, getPayload, postPayload } from '../support/wire.ts';

/** A value that was changed where it lies, as a failing disk does, is not served: 194, or the node does not start. */
const coin = { denomination: 1, serialNumber: 300, secret: Buffer.alloc(16, 6) };
const keyId = Buffer.alloc(16, 1);
const keys = Buffer.from(Array.from({ length: 400 }, (_, index) => (index * 13) & 0xff));
const coinFile = Buffer.concat([Buffer.from('09010006', 'hex'), Buffer.alloc(36), keys]);
const name = coinBytes(1, 300);
const post = buildRequest({ group: 4, command: 41, payload: postPayload(keyId, name, Buffer.alloc(128, 7), 0, 9) });
const get = buildRequest({ group: 4, command: 43, payload: getPayload(keyId) });
const count = buildRequest({ group: 0, command: 3 });
const echo = buildRequest({ group: 0, command: 0, type: 1, coins: [coin] });
const ticket = ctr(
  keys.subarray(48, 64),
  Buffer.alloc(16),
  Buffer.concat([Buffer.alloc(8, 6), name, Buffer.from('1234ff', 'hex')]),
);
const restore = buildRequest({
  group: 4,
  command: 45,
  payload: Buffer.concat([coinBytes(1, 14_001), Buffer.from('0006000300', 'hex'), name, ticket]),
});

/** A node with a coin, a key and an accepted ticket, one value of which was then changed. */
function changedNode(change: string): string {
  const directory = makeNode([coin], { '01.14001.bin': coinFile });
  const store = Store.open(directory);
  const exchange = new Exchange(store);
  expect([exchange.status(post), exchange.one(restore).toString('hex', 32)]).toEqual([250, '013e3e']);
  store.close();
  const database = new SqliteDatabase(join(directory, 'node.db'));
  expect(database.prepare(change).run().changes).toBe(1);
  database.close();
  return directory;
}

describe('a value changed where it lies', () => {
  it.each([
    ['a key', 'UPDATE chat_keys SET key = zeroblob(9)', get],
    ["a key's size, by what its checksum says", "UPDATE chat_keys SET checksum = '1;-99999999999999'", get],
    ["a key's coin", 'UPDATE chat_keys SET serial_number = 301', get],
    ['a coin page', 'UPDATE coin_pages SET records = zeroblob(17408)', echo],
    ['the count of a bitmap', 'UPDATE free_pages SET in_use = in_use + 1', count],
    ['an accepted ticket', 'UPDATE tickets SET split_id = 1 - split_id', restore],
  ])('is not served: %s', (_, change, request) => {
    const store = Store.open(changedNode(change));
    expect(new Exchange(store).status(request)).toBe(194);
    store.close();
  });

  it.each([
    ['the identity', `UPDATE settings SET value = '{"raidaId":13,"coinId":6}' WHERE name = 'identity'`],
    ['the sealing key', "UPDATE settings SET value = zeroblob(32) WHERE name = 'sealing_key'"],
  ])('keeps the node from starting: %s', (_, change) => {
    const directory = changedNode(change);
    let exitCode: number | undefined;
    try {
      Store.open(directory).close();
    } catch (error) {
      exitCode = explainFailure(error, directory).exitCode;
    }
    expect(exitCode).toBe(65);
  });
});
