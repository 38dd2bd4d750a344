import { describe, expect, it } from 'vitest';
import { sliceOf } from '../../src/bytes/slice.ts';
import { TransactionLost } from '../../src/storage/transactions.ts';
import { Exchange, fixedNow, makeNode, openBeside, openStore } from '../support/harness.ts';
import { buildRequest, defaultChallenge, postPayload } from '../support/wire.ts';

/** A write whose transaction SQLite has rolled back is refused like any other: signed, because its challenge was sound. */
const holder = { denomination: 2, serialNumber: 77, secret: Buffer.alloc(16, 0x11) };

function post(type: 0 | 1): Buffer {
  const payload = postPayload(Buffer.alloc(16, 1), Buffer.from('010000012c', 'hex'), Buffer.alloc(128), 0, 9);
  return buildRequest({ group: 4, command: 41, type, coins: type === 0 ? [] : [holder], payload });
}

function refusedForWantOfDisk(type: 0 | 1): Buffer {
  const directory = makeNode([holder]);
  const exchange = new Exchange(openStore(directory));
  openBeside(directory).exec(
    "CREATE TRIGGER lost BEFORE INSERT ON events BEGIN SELECT RAISE(ROLLBACK, 'database or disk is full'); END",
  );
  return exchange.one(post(type));
}

describe('a write that the disk did not take', () => {
  it('is refused with 194', () => {
    expect(refusedForWantOfDisk(0).readUInt8(2)).toBe(194);
  });

  it('carries its challenge as signature (RP-5)', () => {
    expect(refusedForWantOfDisk(0).toString('hex', 16, 32)).toBe(defaultChallenge.toString('hex'));
  });

  it('under type 1 carries the challenge XOR the secret (RP-5)', () => {
    const wanted = Buffer.from(defaultChallenge.map((byte) => byte ^ 0x11));
    expect(refusedForWantOfDisk(1).toString('hex', 16, 32)).toBe(wanted.toString('hex'));
  });
});

it('leaves nothing behind, also where the error that ended its transaction was caught', () => {
  const directory = makeNode([holder]);
  const store = openStore(directory);
  const beside = openBeside(directory);
  beside.exec("CREATE TRIGGER lost BEFORE INSERT ON events BEGIN SELECT RAISE(ROLLBACK, 'full'); END");
  const request = { identity: Buffer.alloc(34, 1), body: sliceOf(Buffer.alloc(20)), hmac: undefined };
  const answered = { time: fixedNow, status: 250, payload: Buffer.alloc(0) };
  const write = () =>
    store.write((writer) => {
      writer.replays.remember(request, answered, true);
      expect(() => writer.events.append({ time: fixedNow, action: 'post-key' })).toThrow('full');
    });
  expect(write).toThrow(TransactionLost);
  expect(beside.prepare('SELECT count(*) FROM authenticated_requests').pluck().get()).toBe(0);
  expect(store.read((reader) => reader.replays.look(request).kind)).toBe('new');
});
