import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TokenBuckets } from '../../src/server/token-buckets.ts';

/** Limits: a burst, a steady rate, and memory of those who used them last, whoever else comes. */
describe('token buckets', () => {
  it('never give more than the burst and what has been earned since, and nothing away to others', () => {
    const steps = fc.array(fc.record({ name: fc.nat(3), afterMs: fc.nat(400) }), { maxLength: 200 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 5 }), steps, (perSecond, burst, all) => {
        const buckets = new TokenBuckets(perSecond, burst);
        const taken = new Map<number, number>();
        let nowMs = 0;
        for (const { name, afterMs } of all) {
          nowMs += afterMs;
          if (buckets.take(String(name), nowMs)) taken.set(name, (taken.get(name) ?? 0) + 1);
          const most = perSecond * burst + (nowMs * perSecond) / 1_000;
          expect(taken.get(name) ?? 0).toBeLessThanOrEqual(most + 1e-6);
          expect(taken.get(name) ?? 0, 'the burst is theirs').toBeGreaterThanOrEqual(1);
        }
      }),
    );
  });

  it('remember who has nothing left among thirty thousand others', () => {
    const buckets = new TokenBuckets(2, 1);
    expect([1, 2, 3].map(() => buckets.take('spendthrift', 0))).toEqual([true, true, false]);
    for (let other = 0; other < 30_000; other += 1) buckets.take(`other ${other}`, 1);
    expect(buckets.take('spendthrift', 2)).toBe(false);
    for (let other = 30_000; other < 60_000; other += 1) buckets.take(`other ${other}`, 3);
    expect(buckets.take('spendthrift', 4)).toBe(false);
    expect(buckets.take('spendthrift', 600), 'half a second earns a token').toBe(true);
  });

  it('limit nothing at a rate of 0', () => {
    const buckets = new TokenBuckets(0, 5);
    expect(Array.from({ length: 100 }, () => buckets.take('anybody', 0)).every(Boolean)).toBe(true);
    expect(buckets.has('anybody', 0)).toBe(true);
  });
});
