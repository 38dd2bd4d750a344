import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EncryptionCoins } from '../../src/storage/encryption-coins.ts';
import { coinId, temporaryFolder } from '../support/harness.ts';

/** Encryption coin files: which are loaded, what is said of others, and for how long either is believed (FL-3). */
const coin = { denomination: 1, serialNumber: 14_001 };
const file = (id = coinId, size = 440) =>
  Buffer.concat([Buffer.from([9, 1, id >> 8, id & 0xff]), Buffer.alloc(size - 4, 3)]);
const now = 1_000_000;

function given(content?: Buffer): { folder: string; path: string; coins: EncryptionCoins } {
  const folder = temporaryFolder();
  const path = join(folder, '01.14001.bin');
  if (content !== undefined) writeFileSync(path, content);
  return { folder, path, coins: new EncryptionCoins(folder, coinId) };
}

describe('an encryption coin', () => {
  it.each([
    ['missing', undefined, 'is missing'],
    ['short', file(coinId, 439), 'is 439 bytes long, not 440'],
    ['long', file(coinId, 441), 'is 441 bytes long, not 440'],
    ['empty', Buffer.alloc(0), 'is 0 bytes long, not 440'],
    ['of another network', file(7), 'names coin id 7, not 6'],
    ['of a network with the same low byte', file(0x0106), 'names coin id 262, not 6'],
  ])('that is %s is not loaded', (_, content, reason) => {
    expect(given(content).coins.load(coin, now)).toBe(reason);
  });

  it('that is a directory, or a link to nothing, is not loaded', () => {
    const { path, coins } = given();
    mkdirSync(path);
    expect(coins.load(coin, now)).toBe('cannot be read (EISDIR)');
    const linked = given();
    symlinkSync('/nonexistent', linked.path);
    expect(linked.coins.load(coin, now)).toBe('is missing');
  });

  it('that no coin can be is not looked for', () => {
    expect(given().coins.load({ denomination: 1, serialNumber: 1_024_000 }, now)).toBe('names no valid coin');
  });

  it('that was missing is found two seconds later, and not before', () => {
    const { path, coins } = given();
    expect(coins.load(coin, now)).toBe('is missing');
    writeFileSync(path, file());
    expect(coins.load(coin, now + 1_999)).toBe('is missing');
    expect(coins.load(coin, now + 2_000)).toBeTypeOf('object');
  });

  it('that was there is believed for ten seconds, and no longer', () => {
    const { path, coins } = given(file());
    expect(coins.load(coin, now)).toBeTypeOf('object');
    rmSync(path);
    expect(coins.load(coin, now + 9_999)).toBeTypeOf('object');
    expect(coins.load(coin, now + 10_000)).toBe('is missing');
  });

  it('is looked for anew when the clock was turned back', () => {
    const { path, coins } = given();
    coins.load(coin, now);
    writeFileSync(path, file());
    expect(coins.load(coin, now - 1)).toBeTypeOf('object');
  });

  it('does not make room by growing: thousands of missing ones are forgotten, the newest last', () => {
    const { coins } = given(file());
    coins.load(coin, now);
    for (let serialNumber = 0; serialNumber < 3_000; serialNumber += 1) {
      expect(coins.load({ denomination: 2, serialNumber }, now)).toBe('is missing');
    }
    expect(coins.load(coin, now)).toBeTypeOf('object');
  });
});
