import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeChatKey, encodeChatKey } from '../../src/domain/chat-key.ts';
import { coinName, isValidCoin, parseCoinName } from '../../src/domain/coin.ts';
import { createPage, halfOf, pageId, pageOf, readRecord, withHalf, writeRecord } from '../../src/domain/coin-page.ts';
import { isInRange, parseCoinRange } from '../../src/domain/coin-range.ts';
import { coinsOfFileName, encryptionCoinFileNames } from '../../src/domain/encryption-coin.ts';
import { mfsAt } from '../../src/domain/mfs.ts';
import { parseSpan, parseTime } from '../../src/domain/time-text.ts';
import { systemRandom } from '../support/harness.ts';

/** The words of the trade as pure values: names, ranges, pages, files, times. */
const coin = fc.record({
  denomination: fc.integer({ min: -8, max: 6 }),
  serialNumber: fc.nat(1_023_999),
});

describe('coins', () => {
  it('have names that lead back to them', () => {
    fc.assert(
      fc.property(coin, (each) => {
        expect(parseCoinName(coinName(each))).toEqual(each);
      }),
    );
  });

  it('beyond the limits do not exist, and alias none', () => {
    for (const text of ['7:0', '-9:0', '1:1024000', '1:4294967295', '1:67108869', '1:-1', '1', ':1', '1:1.5', '1 :1']) {
      expect(parseCoinName(text), text).toBeUndefined();
    }
    expect(isValidCoin({ denomination: 1, serialNumber: -1 })).toBe(false);
  });

  it('live on one page each, and pages of all denominations have their own numbers (FL-1)', () => {
    fc.assert(
      fc.property(coin, coin, (one, other) => {
        const same = one.denomination === other.denomination && one.serialNumber >> 10 === other.serialNumber >> 10;
        expect(pageId(pageOf(one)) === pageId(pageOf(other))).toBe(same);
      }),
    );
  });

  it('are written into a page without touching any other', () => {
    const page = createPage(systemRandom);
    const before = Buffer.from(page);
    const target = { denomination: 1, serialNumber: 1_024 * 3 + 500 };
    writeRecord(page, target, { authenticationNumber: Buffer.alloc(16, 9), mfs: 45 });
    expect(readRecord(page, target)).toEqual({ authenticationNumber: Buffer.alloc(16, 9), mfs: 45 });
    expect(page.subarray(0, 8_500)).toEqual(before.subarray(0, 8_500));
    expect(page.subarray(8_517)).toEqual(before.subarray(8_517));
  });

  it('have numbers of two halves', () => {
    const number = Buffer.from('00112233445566778899aabbccddeeff', 'hex');
    expect(halfOf(number, 1).toString('hex')).toBe('8899aabbccddeeff');
    expect(withHalf(number, 0, Buffer.alloc(8)).toString('hex')).toBe('00000000000000008899aabbccddeeff');
    expect(number.toString('hex', 0, 8)).toBe('0011223344556677');
  });
});

describe('ranges of coins', () => {
  it('include both ends', () => {
    const range = parseCoinRange('1:0-24999');
    if (range === undefined) throw new Error('no range');
    const within = [0, 24_999, 25_000].map((serialNumber) => isInRange(range, { denomination: 1, serialNumber }));
    expect(within).toEqual([true, true, false]);
    expect(isInRange(range, { denomination: 0, serialNumber: 5 })).toBe(false);
  });

  it('are valid coins in order, or nothing', () => {
    expect(parseCoinRange('-3:5-5')).toEqual({ denomination: -3, first: 5, last: 5 });
    for (const text of ['1:5-4', '7:0-1', '1:0-1024000', '1:0', '1', '1:0-', 'x:0-1', '1:0-1 ']) {
      expect(parseCoinRange(text), text).toBeUndefined();
    }
  });
});

describe('encryption coin files', () => {
  it('are found again under both names (FL-3)', () => {
    fc.assert(
      fc.property(coin, (each) => {
        for (const name of encryptionCoinFileNames(each)) expect(coinsOfFileName(name)).toContainEqual(each);
      }),
    );
    for (const name of ['01.05.bin', '1.5', '01.5.BIN', 'FD.5.bin', '.5.bin', '01.5.bin.new', '001.5.bin']) {
      expect(coinsOfFileName(name), name).toEqual([]);
    }
  });
});

describe('chat keys', () => {
  it('are the bytes of a key file (FL-4)', () => {
    const key = fc.uint8Array({ maxLength: 127 }).map((each) => Buffer.from(each));
    fc.assert(
      fc.property(coin, key, (owner, each) => {
        expect(decodeChatKey(encodeChatKey({ coin: owner, key: each }))).toEqual({ coin: owner, key: each });
      }),
    );
  });
});

describe('times', () => {
  it('of coins never wrap and never mean free (FL-5)', () => {
    const anyMonth = fc.record({
      year: fc.integer({ min: 1970, max: 2100 }),
      month: fc.nat(11),
      day: fc.integer({ min: 1, max: 28 }),
    });
    fc.assert(
      fc.property(anyMonth, ({ year, month, day }) => {
        const sinceFebruary2023 = (year - 2023) * 12 + month - 1;
        const wanted = sinceFebruary2023 < 1 ? 1 : sinceFebruary2023 > 255 ? 255 : sinceFebruary2023;
        expect(mfsAt(Date.UTC(year, month, day, 23, 59)), `${year}-${month + 1}`).toBe(wanted);
      }),
      { numRuns: 500 },
    );
    expect([Date.UTC(2026, 10, 30, 23, 59, 59, 999), Date.UTC(2026, 11, 1)].map(mfsAt)).toEqual([45, 46]);
  });

  it('are read in UTC or as a distance, or not at all', () => {
    const now = Date.UTC(2026, 10, 23);
    expect(parseTime('2026-11-22', now)).toBe(now - 86_400_000);
    expect(parseTime('2026-11-23T01:00', now)).toBe(now + 3_600_000);
    expect(parseTime('2026-11-23T01:00:00+01:00', now)).toBe(now);
    expect(['2h ago', '30m', '1w'].map((text) => parseTime(text, now))).toEqual([
      now - 7_200_000,
      now - 1_800_000,
      now - 604_800_000,
    ]);
    for (const text of ['', 'yesterday', '2026', '2026-13-01', '5y', '-2h', '2026-11-23T25:00']) {
      expect(parseTime(text, now), text).toBeUndefined();
    }
    expect([parseSpan('24h'), parseSpan('90s'), parseSpan('h'), parseSpan('1.5h')]).toEqual([
      86_400_000,
      90_000,
      undefined,
      undefined,
    ]);
  });
});
