import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keyIndexFaults } from '../../src/storage/key-index-check.ts';
import { makeNode, openBeside, openStore } from '../support/harness.ts';

/** Quotas: how many keys are in a coin's name, whatever became of keys and however far their index is. */
const coinOf = (serialNumber: number) => ({ denomination: 1, serialNumber });
const id = fc.nat(60);
/** Many: the count of a coin that was asked for before is remembered. */
const coins = 40;
const coin = fc.nat(coins - 1);

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('put' as const), id, coin }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('remove' as const), id }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('follow' as const), rows: fc.integer({ min: 1, max: 20 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('learn' as const), ids: fc.integer({ min: 1, max: 20 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('ask' as const), coin }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('total' as const), limit: fc.integer({ min: 1, max: 60 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('undo' as const), id, coin }) },
);

describe('counts of keys', () => {
  it('agree with the keys that are there', () => {
    const directory = makeNode();
    const store = openStore(directory);
    const beside = openBeside(directory);
    const stored = beside.prepare('SELECT count(*) FROM chat_keys WHERE serial_number = ?').pluck();
    const idOf = (number: number) => Buffer.alloc(16, number + 1);
    const put = (number: number, owner: number) =>
      store.write((writer) =>
        writer.chatKeys.put(idOf(number), { coin: coinOf(owner), key: Buffer.from([owner]) }, 1_000),
      );
    const all = beside.prepare('SELECT count(*) FROM chat_keys').pluck();
    const expectTotal = (limit: number) =>
      expect(store.write(({ keyCounts }) => keyCounts.reaches(limit))).toBe((all.get() as number) >= limit);
    const expectCount = (serialNumber: number) =>
      expect(store.write(({ keyCounts }) => keyCounts.of(coinOf(serialNumber)))).toBe(stored.get(serialNumber));
    fc.assert(
      fc.property(fc.array(step, { minLength: 5, maxLength: 120 }), (steps) => {
        for (const each of steps) {
          if (each.kind === 'put') put(each.id, each.coin);
          else if (each.kind === 'remove') store.write((writer) => writer.chatKeys.remove(idOf(each.id)));
          else if (each.kind === 'follow') store.indexes.follow(each.rows, each.rows);
          else if (each.kind === 'learn') store.learnKeyIds(each.ids);
          else if (each.kind === 'ask') expectCount(each.coin);
          else if (each.kind === 'total') expectTotal(each.limit);
          else
            expect(() =>
              store.write((writer) => {
                writer.chatKeys.put(idOf(each.id), { coin: coinOf(each.coin), key: Buffer.from([9]) }, 1_000);
                throw new Error('undone');
              }),
            ).toThrow('undone');
        }
        for (const limit of [1, 20, 40, 61]) expectTotal(limit);
        for (let serialNumber = 0; serialNumber < coins; serialNumber += 1) expectCount(serialNumber);
        expect(keyIndexFaults(beside)).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });
});
