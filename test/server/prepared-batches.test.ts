import { join } from 'node:path';
import SqliteDatabase, { type Database } from 'better-sqlite3';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { CoinPageReader } from '../../src/storage/coin-pages.ts';
import type { Store } from '../../src/storage/store.ts';
import { Exchange, makeNode, openStore, type Scripted } from '../support/harness.ts';
import { type PatientRows, readAheadPatiently } from '../support/patient-rows.ts';
import { encryptionCoinFiles, restoreFirstHalf } from '../support/reconstruction.ts';
import { coin, half, other, restored } from '../support/sealing-coins.ts';
import {
  buildRequest,
  challengeOf,
  coinBytes,
  ctr,
  getPayload,
  openModernReply,
  postPayload,
  readReply,
} from '../support/wire.ts';

/** Where keys are read ahead, requests are opened before their turn: each is answered as if it had not been. */
type Sender = typeof coin;

interface Ask {
  readonly type: 0 | 1 | 4 | 5;
  readonly by?: Sender;
  readonly key: number;
  readonly nonce: number;
}

const keyId = (key: number) => Buffer.alloc(16, key);
const headOf = ({ type, by, nonce }: Ask) => ({
  type,
  coins: by === undefined ? [] : type === 5 ? [by, other] : [by],
  nonce: Buffer.alloc(24, nonce),
  challenge: challengeOf(Buffer.alloc(12, nonce)),
});
const get = (ask: Ask) => buildRequest({ ...headOf(ask), group: 4, command: 43, payload: getPayload(keyId(ask.key)) });
const post = (key: number, text: string) => {
  const stored = Buffer.alloc(128);
  const size = stored.write(text);
  return buildRequest({ group: 4, command: 41, payload: postPayload(keyId(key), coinBytes(2, 77), stored, 0, size) });
};
const echo = buildRequest({ group: 0, command: 0 });
/** So that a batch is large enough. */
const others = Array.from({ length: 16 }, () => echo);

/** The key in a reply, or its status where it has none. */
function told(reply: Buffer | undefined, ask: Ask): string | number | undefined {
  const isModern = ask.type >= 4;
  const read = reply && readReply(reply, isModern);
  if (read === undefined || read.body.length === 0) return read?.status;
  const { by, nonce } = ask;
  const sealed = read.body.subarray(0, -2);
  if (by === undefined) return sealed.toString('latin1', 5);
  if (isModern) return openModernReply(read, ask.type === 5 ? [by, other] : [by]).toString('latin1', 5);
  return ctr(by.secret, Buffer.concat([Buffer.alloc(8, nonce), Buffer.alloc(8)]), sealed).toString('latin1', 5);
}

function start(scripted: Scripted = {}): { exchange: Exchange; rows: PatientRows; store: Store } {
  const directory = makeNode([coin, other], encryptionCoinFiles);
  const store = openStore(directory);
  const exchange = new Exchange(store, scripted);
  new Exchange(store).send(post(1, 'one'), post(2, 'two'), post(3, 'three'));
  while (store.learnKeyIds(1_000));
  return { exchange, rows: readAheadPatiently(store, join(directory, 'node.db')), store };
}

function answers(exchange: Exchange, ...batch: readonly (Ask | Buffer)[]): (string | number | undefined)[] {
  const bytes = batch.map((each) => (Buffer.isBuffer(each) ? each : get(each)));
  const replies = exchange.send(...others, ...bytes).slice(others.length);
  return batch.map((each, index) => (Buffer.isBuffer(each) ? replies[index]?.[2] : told(replies[index], each)));
}

describe('a batch whose keys are read ahead', () => {
  it('is answered under every encryption type', () => {
    const { exchange, rows } = start();
    const asks = ([0, 1, 4, 5, 4, 1, 0, 4] as const).map((type, index) => ({
      type,
      by: type === 0 ? undefined : index % 3 === 0 ? other : coin,
      key: (index % 3) + 1,
      nonce: index + 1,
    }));
    const keys = ['one', 'two', 'three', 'one', 'two', 'three', 'one', 'two'];
    const known = asks.map(({ by, ...ask }) => (by === undefined ? ask : { ...ask, by }));
    expect(answers(exchange, ...known)).toEqual(keys);
    expect(rows.asked, 'all but the one of two coins').toBe(7);
    expect(rows.handedOver).toBeGreaterThanOrEqual(7);
  });

  it('is answered by what it asks itself, and not by what the batch before it asked', () => {
    const { exchange } = start();
    const batch = (first: number) =>
      ([0, 1, 4] as const).map((type, index) => ({
        type,
        key: ((first + index) % 3) + 1,
        nonce: first * 3 + index + 1,
        ...(type === 0 ? {} : { by: coin }),
      }));
    expect(answers(exchange, ...batch(0))).toEqual(['one', 'two', 'three']);
    expect(answers(exchange, ...batch(1))).toEqual(['two', 'three', 'one']);
    expect(exchange.send(...batch(2).map(get)).map((reply, index) => told(reply, batch(2)[index] as Ask))).toEqual([
      'three',
      'one',
      'two',
    ]);
  });

  it('has the keys that its own requests have posted', () => {
    const { exchange, rows } = start();
    const ask = (key: number, nonce: number): Ask => ({ type: 0, key, nonce });
    const batch = [
      ask(1, 1),
      post(1, 'new'),
      ask(1, 2),
      ask(2, 3),
      post(4, 'four'),
      ask(4, 4),
      post(1, 'newer'),
      ask(1, 5),
    ];
    expect(answers(exchange, ...batch)).toEqual(['one', 250, 'new', 'two', 250, 'four', 250, 'newer']);
    expect(rows.asked).toBe(4);
    expect(answers(exchange, ask(1, 6), ask(4, 7))).toEqual(['newer', 'four']);
  });

  it('fetches a key once where keys are for single use', () => {
    const { exchange, rows } = start({ settings: '[keys]\nsingle_use = true' });
    const ask = (key: number, nonce: number) => ({ type: 4, by: coin, key, nonce }) as const;
    expect(answers(exchange, ask(2, 1), ask(2, 2), ask(3, 3), ask(2, 4))).toEqual(['two', 194, 'three', 194]);
    expect(rows.asked).toBe(4);
  });

  it.each([1, 4] as const)('goes by the secret that its coin has by then, under type %i', (type) => {
    const { exchange, rows } = start();
    const ask = (by: Sender, nonce: number) => ({ type, by, key: 1, nonce });
    const refused = type === 1 ? 37 : 204;
    const batch = [
      ask(coin, 1),
      ask(restored, 2),
      restoreFirstHalf(coin, half),
      ask(coin, 3),
      ask(restored, 4),
      ask(restored, 5),
    ];
    expect(answers(exchange, ...batch)).toEqual(['one', refused, 250, refused, 'one', 'one']);
    expect(rows.asked, 'those that its first secret opens').toBe(2);
  });

  it('is undone where its transaction is lost while a request is opened before its turn', () => {
    const databases = new Set<Database>();
    const { pragma } = SqliteDatabase.prototype;
    const watched = vi.spyOn(SqliteDatabase.prototype, 'pragma').mockImplementation(function (this: Database, ...all) {
      databases.add(this);
      return pragma.apply(this, all);
    });
    onTestFinished(() => watched.mockRestore());
    const { exchange, store } = start();
    const sequence = store.head().sequence;
    const losing = vi.spyOn(CoinPageReader.prototype, 'authenticationNumber').mockImplementationOnce(() => {
      for (const database of databases) if (database.open && database.inTransaction) database.exec('ROLLBACK');
      throw new SqliteDatabase.SqliteError('disk I/O error', 'SQLITE_IOERR_READ');
    });
    onTestFinished(() => losing.mockRestore());
    const ask: Ask = { type: 4, by: coin, key: 1, nonce: 1 };
    expect(answers(exchange, post(4, 'four'), ask, post(5, 'five'))).toEqual([194, 'one', 194]);
    exchange.dispatch.recordBacklog();
    expect(store.head().sequence, 'each has one event').toBe(sequence + 3);
    const later = [4, 5].map((key, index) => ({ type: 0 as const, key, nonce: index + 2 }));
    expect(answers(exchange, ...later)).toEqual([194, 194]);
    expect(answers(exchange, post(4, 'later'), { type: 0, key: 4, nonce: 4 })).toEqual([250, 'later']);
  });

  it('is refused as any other', () => {
    const { exchange, rows } = start();
    const ask: Ask = { type: 4, by: coin, key: 1, nonce: 1 };
    const whole = get(ask);
    const flipped = Buffer.from(whole);
    flipped[60] = (flipped[60] ?? 0) ^ 1;
    const unterminated = Buffer.from(whole);
    unterminated[whole.length - 1] = 0;
    const short = buildRequest({
      ...headOf(ask),
      group: 4,
      command: 43,
      payload: getPayload(keyId(1)).subarray(0, -1),
    });
    const stranger: Ask = { type: 4, by: { ...coin, serialNumber: 500 }, key: 1, nonce: 2 };
    const unknown: Ask = { type: 4, by: coin, key: 9, nonce: 3 };
    expect(answers(exchange, flipped, unterminated, short, stranger, unknown, ask)).toEqual([
      204,
      33,
      16,
      25,
      194,
      'one',
    ]);
    expect(rows.asked).toBe(1);
  });

  it('opens nothing ahead for a client whose limits are used up, or who has gone', () => {
    const asks = Array.from({ length: 4 }, (_, index) => ({ type: 0 as const, key: 1, nonce: index + 1 }));
    const settings = '[rate_limits]\nper_address = 1\nburst_seconds = 2\nexempt = []';
    const limited = start({ settings, client: '192.0.2.9', monotonicMs: () => 5 });
    expect(answers(limited.exchange, ...asks)).toEqual(['one', 'one', 194, 194]);
    expect(answers(limited.exchange, ...asks)).toEqual([194, 194, 194, 194]);
    expect(limited.rows.asked, 'in the batch in which its limit was used up').toBe(4);
    const network = '[rate_limits]\nper_network = 1\nburst_seconds = 2\nexempt = []';
    const crowded = start({ settings: network, client: '192.0.2.9', monotonicMs: () => 5 });
    expect(answers(crowded.exchange, ...asks)).toEqual(['one', 'one', 194, 194]);
    expect(answers(crowded.exchange, ...asks)).toEqual([194, 194, 194, 194]);
    expect(crowded.rows.asked).toBe(4);
    const misses = '[rate_limits]\nmisses_per_address = 1\nburst_seconds = 2\nexempt = []';
    const guessing = start({ settings: misses, client: '192.0.2.9', monotonicMs: () => 5 });
    const unknown = { type: 0 as const, key: 9, nonce: 9 };
    expect(answers(guessing.exchange, unknown, ...asks.slice(0, 1), unknown, ...asks)).toEqual([
      194,
      'one',
      194,
      194,
      194,
      194,
      194,
    ]);
    expect(answers(guessing.exchange, ...asks)).toEqual([194, 194, 194, 194]);
    expect(guessing.rows.asked, 'in the batch in which its limit was used up').toBe(5);
    const gone = start({ isGone: true });
    expect(answers(gone.exchange, ...asks)).toEqual([194, 194, 194, 194]);
    expect(gone.rows.asked).toBe(0);
  });
});
