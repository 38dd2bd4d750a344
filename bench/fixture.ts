import { createHash, randomBytes } from 'node:crypto';
import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createNode } from '../src/cli/node-directory.ts';
import { type Coin, denominationMin, pagesPerDenomination, raidaCount, recordsPerPage } from '../src/domain/coin.ts';
import { pageSize, writeRecord } from '../src/domain/coin-page.ts';
import { encodeEncryptionCoinFile, encryptionCoinFileNames } from '../src/domain/encryption-coin.ts';
import type { KnownCoin } from '../src/protocol/request.ts';
import { coinsDirectoryName } from '../src/storage/data-directory.ts';
import { Store } from '../src/storage/store.ts';
import { storedKeySize } from './cases.ts';

/**
 * What the measured nodes hold. Coins, secrets and key ids follow from numbers, so that every process of the suite knows
 * them without being told.
 */
export const raidaId = 14;
export const coinId = 6;
export const denomination = 1;
/** Coins with known secrets: those that tickets may be issued for. */
export const knownCoins = 24_576;
export const clientAddress = '127.0.0.1';
/** The node's own coin: it has a file with 25 keys of it. */
export const ownCoin = ownCoinOf(raidaId);

export interface FixtureSize {
  readonly keys: number;
  readonly pages: number;
}

const monthsFromStart = 45;
const keysPerTransaction = 20_000;
const pagesPerTransaction = 500;
const knownPages = knownCoins / recordsPerPage;

export function knownCoin(serialNumber: number): KnownCoin {
  const digest = createHash('sha256').update(`${denomination}:${serialNumber}`).digest();
  return { denomination, serialNumber, authenticationNumber: digest.subarray(0, 16) };
}

export function randomCoin(): Coin {
  return { denomination, serialNumber: Math.floor(Math.random() * knownCoins) };
}

/** The own coin of a RAIDA: whom a ticket is for. */
function ownCoinOf(raida: number): Coin {
  return { denomination, serialNumber: raida * 1_000 };
}

export function ownCoinOfAny(): Coin {
  return ownCoinOf(Math.floor(Math.random() * raidaCount));
}

/** The key that the node shares with another RAIDA under its own coin. */
export function keyOfAuthority(authority: number): Buffer {
  return keysOfAuthorities.subarray(authority * 16, (authority + 1) * 16);
}

const keysOfAuthorities = Buffer.concat(
  Array.from({ length: raidaCount }, (_, authority) =>
    createHash('sha256').update(`authority ${authority}`).digest().subarray(0, 16),
  ),
);

/** Id of a stored key: evenly spread, and ascending with its number, so that millions are quickly stored. */
export function keyIdOf(index: number, count: number): Buffer {
  const id = Buffer.alloc(16, 0x5a);
  id.writeUIntBE(Math.floor(((index + 0.5) / count) * 2 ** 48), 0, 6);
  id.writeUInt32BE(index, 8);
  return id;
}

/** Makes a node that holds so many keys, each with its event and indexed, and coin pages. */
export function makeNode(directory: string, size: FixtureSize): void {
  createNode(directory, { raidaId, coinId, port: 0 });
  const [file] = encryptionCoinFileNames(ownCoin);
  writeFileSync(join(directory, coinsDirectoryName, file), encodeEncryptionCoinFile(coinId, keysOfAuthorities));
  const store = Store.open(directory);
  fillPages(store, Math.max(size.pages, knownPages));
  fillKeys(store, size.keys);
  store.close();
}

export function copyNode(from: string, to: string): void {
  cpSync(from, to, { recursive: true });
}

function fillPages(store: Store, count: number): void {
  const addresses = Array.from({ length: count }, (_, index) => {
    // The known denomination comes first: it is the one that requests are about.
    const group = Math.floor(index / pagesPerDenomination);
    const spare = denominationMin + group - (group <= denomination - denominationMin ? 1 : 0);
    return { denomination: group === 0 ? denomination : spare, pageNumber: index % pagesPerDenomination };
  });
  for (let start = 0; start < count; start += pagesPerTransaction) {
    store.write((writer) => {
      for (const address of addresses.slice(start, start + pagesPerTransaction)) {
        writer.coins.putPage(address, pageAt(address.denomination, address.pageNumber));
      }
    });
    store.checkpoint();
  }
}

function pageAt(pageDenomination: number, pageNumber: number): Buffer {
  const page = randomBytes(pageSize);
  if (pageDenomination !== denomination || pageNumber >= knownPages) return page;
  for (let index = 0; index < recordsPerPage; index += 1) {
    const { authenticationNumber, ...coin } = knownCoin(pageNumber * recordsPerPage + index);
    writeRecord(page, coin, { authenticationNumber, mfs: monthsFromStart });
  }
  return page;
}

function fillKeys(store: Store, count: number): void {
  for (let start = 0; start < count; start += keysPerTransaction) {
    const end = Math.min(count, start + keysPerTransaction);
    const now = Date.now();
    store.write((writer) => {
      for (let index = start; index < end; index += 1) {
        const keyId = keyIdOf(index, count);
        const coin = { denomination, serialNumber: Math.floor((index / count) * knownCoins) };
        writer.chatKeys.put(keyId, { coin, key: Buffer.alloc(storedKeySize, keyId) }, now);
        writer.events.append({
          time: now,
          action: 'post-key',
          status: 250,
          encryptionType: 0,
          claimedCoin: coin,
          keyId,
          address: clientAddress,
        });
      }
    });
    store.checkpoint();
  }
  while (store.indexes.lag() > 0) {
    store.indexes.follow(keysPerTransaction);
    store.checkpoint();
  }
}
