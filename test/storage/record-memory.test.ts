import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Coin, coinPlace } from '../../src/domain/coin.ts';
import { type CoinRecord, pageOf } from '../../src/domain/coin-page.ts';
import { RecordMemory } from '../../src/storage/record-memory.ts';

/** Records in memory are those that were put there last, or not there. */
const coin: fc.Arbitrary<Coin> = fc.record({
  denomination: fc.constantFrom(-8, 0, 1, 6),
  // Of pages that share slots with each other, and of some that do not.
  serialNumber: fc.tuple(fc.constantFrom(0, 1, 32, 64, 999), fc.nat(3)).map(([page, index]) => page * 1_024 + index),
});
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('hold' as const), coin, mfs: fc.constantFrom(0, 1, 255) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('forget page' as const), coin }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('forget all' as const) }) },
);
const other = Buffer.alloc(16, 0xee);

it('gives back what was held for a coin, and nothing of another', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.array(coin, { minLength: 1 }), (steps, asked) => {
      const memory = new RecordMemory();
      const model = new Map<number, CoinRecord>();
      const forget = (isGone: (place: number) => boolean) => {
        for (const place of model.keys()) if (isGone(place)) model.delete(place);
      };
      for (const each of steps) {
        if (each.kind === 'hold') {
          const place = coinPlace(each.coin);
          const record = { authenticationNumber: randomBytes(16), mfs: each.mfs };
          memory.hold(each.coin, record);
          forget((known) => known % 32_768 === place % 32_768);
          model.set(place, record);
        } else if (each.kind === 'forget page') {
          memory.forgetPage(pageOf(each.coin));
          const page = Math.floor(coinPlace(each.coin) / 1_024);
          forget((known) => Math.floor(known / 1_024) % 32 === page % 32);
        } else {
          memory.forgetAll();
          model.clear();
        }
        for (const ask of asked) {
          const record = model.get(coinPlace(ask));
          expect(memory.get(ask)).toEqual(record);
          const number = record?.authenticationNumber ?? other;
          expect(memory.isInUseWith(ask, number)).toBe(record !== undefined && record.mfs !== 0);
          expect(memory.isInUseWith(ask, other)).toBe(false);
        }
      }
    }),
    { numRuns: 100 },
  );
});

it('hands out bytes that stay what they are', () => {
  const memory = new RecordMemory();
  const target = { denomination: 1, serialNumber: 300 };
  memory.hold(target, { authenticationNumber: Buffer.alloc(16, 1), mfs: 1 });
  const record = memory.get(target);
  memory.hold(target, { authenticationNumber: Buffer.alloc(16, 2), mfs: 2 });
  memory.forgetAll();
  expect(record).toEqual({ authenticationNumber: Buffer.alloc(16, 1), mfs: 1 });
});
