import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { verifyDatabase } from '../../src/storage/verify.ts';
import { Exchange, fixedNow, makeNode, openBeside, openStore } from '../support/harness.ts';
import { buildRequest, getPayload, postPayload } from '../support/wire.ts';

/** The chain, recomputed here from the rows alone; and what pruning leaves of it. */
const everything = { structure: 'full', pages: true, keys: true, events: true, index: true } as const;
const coin = Buffer.from('010000012c', 'hex');

function post(id: number, size = 8): Buffer {
  const payload = postPayload(Buffer.alloc(16, id), coin, Buffer.alloc(128, id), 0, size);
  return buildRequest({ group: 4, command: 41, payload });
}

const get = (id: number) => buildRequest({ group: 4, command: 43, payload: getPayload(Buffer.alloc(16, id)) });

/** Hashes of the chain as the documentation describes it: JSON of the hash before, the row, its reconstructions. */
function recompute(
  directory: string,
  before = Buffer.alloc(32).toString('hex'),
): { expected: string[]; stored: string[] } {
  const database = openBeside(directory);
  const rows = database.prepare('SELECT * FROM events ORDER BY sequence').raw().all() as unknown[][];
  const plain = (value: unknown) => (Buffer.isBuffer(value) ? value.toString('hex') : value);
  const expected: string[] = [];
  let previous = before;
  for (const row of rows) {
    const records = database
      .prepare(
        'SELECT position, denomination, serial_number, split_id, authority, reason, previous FROM reconstructions WHERE event = ? ORDER BY position',
      )
      .raw()
      .all(row[0]) as unknown[][];
    const covered = [previous, ...row.slice(0, -1).map(plain), ...records.map((record) => record.map(plain))];
    previous = createHash('sha256').update(JSON.stringify(covered)).digest('hex');
    expected.push(previous);
  }
  return { expected, stored: rows.map((row) => String(plain(row.at(-1)))) };
}

const keys = Buffer.concat([Buffer.from('09010006', 'hex'), Buffer.alloc(436, 4)]);
const decrypt = buildRequest({
  group: 4,
  command: 45,
  payload: Buffer.concat([coin, Buffer.from('0006000300', 'hex'), coin, Buffer.alloc(16)]),
});

describe('event chain', () => {
  it('is whole after batches with refusals, savepoints and a transaction that failed', () => {
    const directory = makeNode([], { '01.300.bin': keys });
    const exchange = new Exchange(openStore(directory));
    exchange.send(post(1), post(2, 128), get(1), get(9), decrypt);
    const beside = openBeside(directory);
    beside.exec(
      "CREATE TRIGGER full BEFORE INSERT ON events WHEN new.action = 'post-key' BEGIN SELECT RAISE(ROLLBACK, 'full'); END",
    );
    exchange.send(get(1), post(3));
    beside.exec('DROP TRIGGER full');
    exchange.send(post(4), decrypt);
    const { expected, stored } = recompute(directory);
    expect(stored).toHaveLength(9);
    expect(stored).toEqual(expected);
  });

  it('holds no key and no authentication number', () => {
    const directory = makeNode([{ denomination: 1, serialNumber: 300, secret: Buffer.alloc(16, 0xa7) }], {
      '01.300.bin': keys,
    });
    const exchange = new Exchange(openStore(directory));
    exchange.send(post(0xb3), get(0xb3), buildRequest({ group: 4, command: 44, payload: coin }), decrypt);
    const text = JSON.stringify(
      openBeside(directory)
        .prepare('SELECT * FROM events LEFT JOIN reconstructions ON event = sequence')
        .all()
        .map((row) =>
          Object.entries(row as object).map(([name, value]) => [
            name,
            Buffer.isBuffer(value) ? value.toString('hex') : value,
          ]),
        ),
    );
    expect(text).not.toContain('a7a7a7a7a7a7');
    expect(text.replaceAll('b3'.repeat(16), '')).not.toContain('b3b3b3b3');
  });

  it('stays whole when its oldest events are pruned, again and again', () => {
    const directory = makeNode();
    const store = openStore(directory);
    let now = fixedNow;
    const exchange = new Exchange(store, { now: () => now });
    for (let round = 0; round < 4; round += 1) {
      for (let id = 1; id < 20; id += 1) exchange.send(post(id), get(id));
      now += 86_400_000;
      while (store.indexes.lag() > 0) store.indexes.follow(10);
      store.write((writer) => writer.retention.pruneEvents(writer, now - 1_000, now, 500));
      const { faults, head } = verifyDatabase(openBeside(directory), everything, () => undefined);
      expect(faults).toEqual([]);
      expect(head.sequence).toBe(store.head().sequence);
    }
    expect(openBeside(directory).prepare('SELECT count(*) FROM events').pluck().get()).toBeLessThan(10);
  });

  it('cannot be shortened at its start unnoticed', () => {
    const directory = makeNode();
    const exchange = new Exchange(openStore(directory));
    exchange.send(post(1), post(2), post(3));
    const beside = openBeside(directory);
    beside.exec('DELETE FROM events WHERE sequence = 1');
    const { faults } = verifyDatabase(
      beside,
      { structure: 'full', pages: false, keys: false, events: true, index: false },
      () => undefined,
    );
    expect(faults[0]).toContain('after event 0 comes 2');
  });
});
