import { createHash } from 'node:crypto';
import type { Database } from 'better-sqlite3';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Exchange, makeNode, openBeside, openStore, systemRandom } from '../support/harness.ts';
import {
  type Answer,
  encryptionCoinKeys,
  Model,
  monthNow,
  pageRandom,
  requestOf,
  type Step,
  sealers,
  sealing,
  sessionKey,
  step,
  targets,
  ticketRandom,
} from '../support/model.ts';
import { ctr, defaultChallenge, legacyNonce, openModernReply, readReply } from '../support/wire.ts';

/**
 * Random batches of key-exchange requests, under every encryption type, valid and not, some in a transaction that SQLite
 * rolls back: replies are a model's, coin_pages and free_pages never disagree, the event chain is whole and has one event
 * for each request.
 */
const coinFile = Buffer.concat([Buffer.from('09010006', 'hex'), Buffer.alloc(36), encryptionCoinKeys]);
const fixed = new Map([
  [16, sessionKey],
  [2, ticketRandom],
  [pageRandom.length, pageRandom],
]);
const random = { bytes: (size: number) => Buffer.from(fixed.get(size) ?? systemRandom.bytes(size)) };
const writes = ['post', 'decrypt'];

function answerOf(reply: Buffer, { seal }: Step): Answer {
  const read = readReply(reply, seal >= 4);
  if (read === undefined) throw new Error('the reply is not whole');
  const { status, body } = read;
  if (body.length === 0) return { status, payload: body };
  if (seal >= 4) return { status, payload: openModernReply(read, sealers(seal)) };
  const sealed = body.subarray(0, -2);
  const [coin] = sealers(seal);
  const block = Buffer.concat([legacyNonce, Buffer.alloc(8)]);
  return { status, payload: coin === undefined ? sealed : ctr(coin.secret, block, sealed) };
}

/** Every record of every page, read here bit by bit. */
function expectCoins(beside: Database, model: Model): void {
  const rows = beside.prepare(
    'SELECT id, records, bitmap, in_use FROM coin_pages LEFT JOIN free_pages ON page_id = id',
  );
  for (const row of rows.all() as { id: number; records: Buffer; bitmap: Buffer; in_use: number }[]) {
    const indexes = Array.from({ length: 1_024 }, (_, index) => index);
    const used = indexes.filter((index) => row.records[index * 17 + 16] !== 0);
    const marked = indexes.filter((index) => (((row.bitmap[index >> 3] ?? 0) >> (index & 7)) & 1) === 1);
    expect(marked, `coins in use on page ${row.id}`).toEqual(used);
    expect(row.in_use).toBe(used.length);
    for (const [place, known] of model.coins) {
      const [denomination = 0, serialNumber = 0] = targets[place] ?? [];
      if ((denomination + 8) * 1_000 + Math.floor(serialNumber / 1_024) !== row.id) continue;
      const start = (serialNumber % 1_024) * 17;
      expect(row.records[start + 16], `MFS of ${denomination}:${serialNumber}`).toBe(known.mfs);
      expect(row.records.toString('hex', start, start + 16)).toBe(known.secret.toString('hex'));
    }
  }
}

function expectChain(beside: Database, requests: number): void {
  const plain = (value: unknown) => (Buffer.isBuffer(value) ? value.toString('hex') : value);
  const records = beside
    .prepare(
      `SELECT position, denomination, serial_number, split_id, authority, reason, previous FROM reconstructions
       WHERE event = ? ORDER BY position`,
    )
    .raw();
  let before = '00'.repeat(32);
  const rows = beside.prepare('SELECT * FROM events ORDER BY sequence').raw().all() as unknown[][];
  expect(rows).toHaveLength(requests);
  for (const [index, row] of rows.entries()) {
    expect(row[0]).toBe(index + 1);
    const covered = [
      before,
      ...row.slice(0, -1).map(plain),
      ...records.all(row[0]).map((each) => (each as []).map(plain)),
    ];
    before = createHash('sha256').update(JSON.stringify(covered)).digest('hex');
    expect(plain(row.at(-1)), `hash of event ${index + 1}`).toBe(before);
  }
}

const batches = fc.array(
  fc.record({
    steps: fc.array(step, { minLength: 1, maxLength: 6 }),
    isLost: fc.constantFrom(false, false, false, true),
  }),
  { minLength: 1, maxLength: 10 },
);
/** Lets a batch go well up to its last event, and rolls all of it back there. */
const loseAt = (sequence: number) =>
  `CREATE TRIGGER lost BEFORE INSERT ON events WHEN new.sequence = ${sequence}
   BEGIN SELECT RAISE(ROLLBACK, 'database or disk is full'); END`;

function givenCoins() {
  const model = new Model();
  return [
    ...sealing,
    ...[...model.coins].map(([place, { secret, mfs }]) => {
      const [denomination = 0, serialNumber = 0] = targets[place] ?? [];
      return { denomination, serialNumber, secret, mfs };
    }),
  ];
}

/** The model's requests share their nonces, and restore as often as they like. */
const withoutSafeguards = '[replay]\nnonce_reuse = "allow"\nwindow_seconds = 0\n[reconstruction]\nper_day = 0';

describe('a node and its model', () => {
  it('answer alike and hold the same, whatever is asked and whatever is undone', () => {
    fc.assert(
      fc.property(batches, (rounds) => {
        const directory = makeNode(givenCoins(), { '01.14001.bin': coinFile });
        const exchange = new Exchange(openStore(directory), { random, settings: withoutSafeguards });
        const beside = openBeside(directory);
        let model = new Model();
        let requests = 0;
        for (const { steps, isLost } of rounds) {
          const before = model.copy();
          if (isLost) beside.exec(loseAt(requests + steps.length));
          const replies = exchange.send(Buffer.concat(steps.map(requestOf)));
          expect(replies).toHaveLength(steps.length);
          for (const [index, each] of steps.entries()) {
            const reply = replies[index] ?? Buffer.alloc(0);
            const lostWrite = isLost && writes.includes(each.kind);
            const wanted = lostWrite ? { status: 194, payload: Buffer.alloc(0) } : model.answer(each);
            const got = answerOf(reply, each);
            expect([got.status, got.payload.toString('hex')], JSON.stringify(each)).toEqual([
              wanted.status,
              wanted.payload.toString('hex'),
            ]);
            if (each.seal === 0 && !lostWrite) expect(reply.subarray(16, 32)).toEqual(defaultChallenge);
          }
          if (isLost) {
            beside.exec('DROP TRIGGER lost');
            model = before;
          }
          requests += steps.length;
          expectCoins(beside, model);
        }
        exchange.dispatch.recordBacklog();
        expectChain(beside, requests);
        expect([...model.coins.values()].every(({ mfs }) => [0, 12, monthNow].includes(mfs))).toBe(true);
      }),
      { numRuns: 250 },
    );
  });
});
