import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Coin } from '../../src/domain/coin.ts';
import { type CoinRecord, pageOf, recordIndex } from '../../src/domain/coin-page.ts';
import { bitmapOf, countInUse } from '../../src/domain/free-pages.ts';
import { DamagedRow } from '../../src/storage/damage.ts';
import type { Store } from '../../src/storage/store.ts';
import { Exchange, makeNode, openBeside, openStore, systemRandom } from '../support/harness.ts';
import { buildRequest } from '../support/wire.ts';

/** Coin pages and the free-pages bitmap are one notion in two tables, whatever happens. */
describe('bitmap', () => {
  it('says what a naive reading of the page says (FL-2)', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(1_023), fc.nat(255)), { maxLength: 200 }), (changes) => {
        const page = Buffer.alloc(17_408);
        const naive = new Map<number, number>();
        for (const [index, mfs] of changes) {
          page[index * 17 + 16] = mfs;
          naive.set(index, mfs);
        }
        const bitmap = bitmapOf(page);
        for (let index = 0; index < 1_024; index += 1) {
          const bit = ((bitmap[Math.floor(index / 8)] ?? 0) >> (index % 8)) & 1;
          expect(bit, `coin ${index}`).toBe((naive.get(index) ?? 0) === 0 ? 0 : 1);
        }
        expect(countInUse(bitmap)).toBe([...naive.values()].filter((mfs) => mfs !== 0).length);
      }),
      { numRuns: 60 },
    );
  });
});

const coin = fc.record({ denomination: fc.integer({ min: -8, max: 6 }), serialNumber: fc.nat(4_000) });
const step = fc.record({
  coin,
  mfs: fc.constantFrom(0, 1, 45, 255),
  fate: fc.constantFrom('keep', 'undo', 'undo all'),
});

describe('coin_pages and free_pages', () => {
  it('never disagree after random writes, savepoints undone and transactions undone, and hold what a model holds', () => {
    fc.assert(
      fc.property(fc.array(fc.array(step, { minLength: 1, maxLength: 6 }), { maxLength: 12 }), (batches) => {
        const directory = makeNode();
        const store = openStore(directory);
        const model = new Map<string, number>();
        for (const batch of batches) {
          const written = new Map<string, number>();
          try {
            store.write((writer) => {
              for (const { coin: target, mfs, fate } of batch) {
                const put = () => writer.coins.putRecord(target, (before) => ({ ...before, mfs }), systemRandom);
                if (fate === 'undo all') {
                  put();
                  throw new Error('undo all');
                }
                try {
                  writer.savepoint(() => {
                    put();
                    if (fate === 'undo') throw new Error('undo');
                  });
                  written.set(JSON.stringify(target), mfs);
                } catch {}
              }
            });
            for (const [name, mfs] of written) model.set(name, mfs);
          } catch {}
        }
        const rows = openBeside(directory)
          .prepare('SELECT records, bitmap, in_use AS inUse FROM coin_pages LEFT JOIN free_pages ON page_id = id')
          .all() as { records: Buffer; bitmap: Buffer; inUse: number }[];
        for (const { records, bitmap, inUse } of rows) {
          expect(bitmapOf(records).equals(bitmap)).toBe(true);
          expect(countInUse(bitmap)).toBe(inUse);
        }
        store.read((reader) => {
          for (const [name, mfs] of model) expect(reader.coins.record(JSON.parse(name))?.mfs, name).toBe(mfs);
        });
      }),
      { numRuns: 40 },
    );
  });

  it('come into being together, unpredictable and free but for the coin that was written', () => {
    const store = openStore(makeNode());
    const target = { denomination: -3, serialNumber: 2_050 };
    const record = { authenticationNumber: Buffer.alloc(16, 1), mfs: 7 };
    store.write((writer) => writer.coins.putRecord(target, () => record, systemRandom));
    const page = store.read((reader) => reader.coins.page(pageOf(target)));
    if (page === undefined) throw new Error('no page');
    expect(countInUse(bitmapOf(page))).toBe(1);
    const numbers = new Set(
      Array.from({ length: 1_024 }, (_, index) => page.toString('hex', index * 17, index * 17 + 16)),
    );
    expect(numbers.size).toBe(1_024);
    expect(recordIndex(target)).toBe(2);
  });
});

describe('the key of a coin', () => {
  const target = { denomination: 1, serialNumber: 300 };
  const stored = (directory = makeNode([{ ...target, secret: Buffer.alloc(16, 5) }])) => openStore(directory);
  const keyIn = (store: Store) => store.read((reader) => reader.coins.key(target));
  const put = (store: Store, coin: Coin, record: CoinRecord) =>
    store.write((writer) => writer.coins.putRecord(coin, () => record, systemRandom));

  it('is the same buffer while its secret is the same, whatever else of its page is written', () => {
    const store = stored();
    const key = keyIn(store);
    expect(key).toEqual(Buffer.alloc(16, 5));
    put(store, { ...target, serialNumber: 301 }, { authenticationNumber: Buffer.alloc(16, 6), mfs: 7 });
    expect(keyIn(store)).toBe(key);
  });

  it('is the same buffer beside a coin whose record pushes its own out of memory', () => {
    const store = stored();
    const far = { ...target, serialNumber: target.serialNumber + 32_768 };
    put(store, far, { authenticationNumber: Buffer.alloc(16, 6), mfs: 7 });
    const [first, other, again, otherAgain] = store.read(({ coins }) =>
      [target, far, target, far].map((each) => coins.key(each)),
    );
    expect([first, other]).toEqual([Buffer.alloc(16, 5), Buffer.alloc(16, 6)]);
    expect(again).toBe(first);
    expect(otherAgain).toBe(other);
  });

  it('is another one as soon as its secret is, and the former again where that was undone', () => {
    const store = stored();
    const key = keyIn(store);
    const change = (secret: number, mfs: number) =>
      put(store, target, { authenticationNumber: Buffer.alloc(16, secret), mfs });
    expect(() =>
      store.write((writer) => {
        writer.coins.putRecord(
          target,
          (before) => ({ ...before, authenticationNumber: Buffer.alloc(16, 8) }),
          systemRandom,
        );
        expect(writer.coins.key(target)).toEqual(Buffer.alloc(16, 8));
        throw new Error('undo');
      }),
    ).toThrow('undo');
    expect(keyIn(store)).toEqual(key);
    change(9, 7);
    expect(keyIn(store)).toEqual(Buffer.alloc(16, 9));
    expect(key, 'what was handed out before').toEqual(Buffer.alloc(16, 5));
    change(9, 0);
    expect(keyIn(store), 'a free coin').toBeUndefined();
  });
});

describe('a page with a flipped bit', () => {
  it('is not served; others are', () => {
    const known = { denomination: 2, serialNumber: 77, secret: Buffer.alloc(16, 5) };
    const other = { denomination: 3, serialNumber: 77, secret: Buffer.alloc(16, 6) };
    const directory = makeNode([known, other]);
    const beside = openBeside(directory);
    const records = beside.prepare('SELECT records FROM coin_pages WHERE denomination = 2').pluck().get() as Buffer;
    records[77 * 17] = (records[77 * 17] ?? 0) ^ 1;
    beside.prepare('UPDATE coin_pages SET records = ? WHERE denomination = 2').run(records);
    const store = openStore(directory);
    expect(() => store.read((reader) => reader.coins.record(known))).toThrow(DamagedRow);
    const exchange = new Exchange(store);
    expect(exchange.status(buildRequest({ group: 0, command: 0, type: 1, coins: [known] }))).toBe(194);
    expect(exchange.status(buildRequest({ group: 0, command: 0, type: 1, coins: [other] }))).toBe(250);
  });
});
