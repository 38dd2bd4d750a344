import { expect, it } from 'vitest';
import { RecentKeys } from '../../src/storage/recent-keys.ts';

/** A key is there as long as it is among the latest, and what is kept is bounded. */
const keyOf = (place: number) => Buffer.alloc(4, place & 0xff);

it('keeps those that are asked for, however many others come', () => {
  const keys = new RecentKeys();
  const kept = keyOf(1);
  keys.set(1, kept);
  for (let place = 2; place < 20_000; place += 1) {
    keys.set(place, keyOf(place));
    if (place % 2_000 === 0) expect(keys.get(1)).toBe(kept);
  }
});

it.each([2_048, 2_049, 4_095, 4_096, 4_097, 10_000])(
  'keeps the latest 2,048 of %i, and at most twice as many',
  (count) => {
    const filled = () => {
      const keys = new RecentKeys();
      for (let place = 1; place <= count; place += 1) keys.set(place, keyOf(place));
      return keys;
    };
    expect(filled().get(count)).toEqual(keyOf(count));
    expect(filled().get(count - 2_047)).toEqual(keyOf(count - 2_047));
    // Asking keeps what is asked for: each is asked of others.
    for (let place = 1; place <= count - 4_096; place += 997) expect(filled().get(place)).toBeUndefined();
  },
);

it('has the one that was set last', () => {
  const keys = new RecentKeys();
  keys.set(7, keyOf(1));
  keys.set(7, keyOf(2));
  expect(keys.get(7)).toEqual(keyOf(2));
  expect(keys.get(8)).toBeUndefined();
});
