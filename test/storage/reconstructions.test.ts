import { performance } from 'node:perf_hooks';
import { describe, expect, it } from 'vitest';
import type { Coin } from '../../src/domain/coin.ts';
import type { Reconstruction } from '../../src/storage/events.ts';
import type { Writer } from '../../src/storage/store.ts';
import { fixedNow, makeNode, openStore } from '../support/harness.ts';

/** What was restored of late: found however much was refused, which anybody can have done. */
const coin: Coin = { denomination: 1, serialNumber: 300 };
const quiet: Coin = { denomination: 1, serialNumber: 301 };
const day = 86_400_000;
/** For 400 of them, which take a hundredth of that; by way of those that were refused they take thousands. */
const lookupsMsMax = 500;

function record(writer: Writer, time: number, records: readonly Reconstruction[], action = 'decrypt-raida-key'): void {
  writer.events.append({ time, action, status: 250, reconstructions: records });
}

const accepted = (of: Coin, splitId: number, authority: number) => ({ coin: of, splitId, authority });
const refused = (of: Coin, splitId: number) => ({ coin: of, splitId, authority: 9, reason: 'wrong-mark' });

describe('reconstructions', () => {
  it('are counted by coin and half, since a time, and only where they were accepted', () => {
    const store = openStore(makeNode());
    store.write((writer) => {
      record(writer, fixedNow - 2 * day, [accepted(coin, 0, 3), accepted(coin, 1, 4)]);
      record(writer, fixedNow - day, [accepted(coin, 0, 5), refused(coin, 0), accepted(quiet, 0, 6)]);
      record(writer, fixedNow, [accepted(coin, 0, 7)]);
      record(writer, fixedNow, [accepted(coin, 0, 8)], 'coin-reverted');
    });
    store.read(({ reconstructions }) => {
      expect(reconstructions.count(coin, 0, fixedNow - day)).toBe(2);
      expect(reconstructions.count(coin, 0, 0)).toBe(3);
      expect(reconstructions.count(coin, 1, fixedNow - day)).toBe(0);
      expect(reconstructions.count(quiet, 1, 0)).toBe(0);
      expect(reconstructions.lastAuthority(coin, 0)).toBe(7);
      expect(reconstructions.lastAuthority(coin, 1)).toBe(4);
      expect(reconstructions.lastAuthority(quiet, 1)).toBeUndefined();
    });
  });

  it('are found at once where a hundred thousand were refused', () => {
    const store = openStore(makeNode());
    store.write((writer) => {
      record(writer, fixedNow, [accepted(coin, 0, 3)]);
      record(writer, fixedNow, [accepted(quiet, 0, 3)]);
      const many = Array.from({ length: 100 }, () => refused(coin, 0));
      for (let event = 0; event < 1_000; event += 1) record(writer, fixedNow, many);
    });
    store.read(({ reconstructions }) => {
      for (const of of [quiet, coin]) {
        const began = performance.now();
        for (let time = 0; time < 200; time += 1) {
          expect(reconstructions.count(of, 0, fixedNow - day)).toBe(1);
          expect(reconstructions.lastAuthority(of, 0)).toBe(3);
        }
        expect(performance.now() - began).toBeLessThan(lookupsMsMax);
      }
    });
  });
});
