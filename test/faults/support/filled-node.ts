import { createHash } from 'node:crypto';
import { sliceOf } from '../../../src/bytes/slice.ts';
import { pagesPerDenomination } from '../../../src/domain/coin.ts';
import { Store, type Writer } from '../../../src/storage/store.ts';
import { fixedNow, makeNode, systemRandom } from '../../support/harness.ts';

/** How much a node is to hold; of each key, at least one event. */
export interface Filling {
  readonly pages: number;
  readonly keys: number;
  readonly events: number;
  /** Each of them an accepted ticket, and an event with two records. */
  readonly reconstructions: number;
}

const rowsPerTransaction = 20_000;
const rowsPerIndexPiece = 4_096;
/** Authenticated requests that are remembered; few share a row, so that there are many. */
const sealedRequests = 300;
const requestsPerTransaction = 3;
const coinsWithKeys = 100_000;
const monthMs = 30 * 86_400_000;

/** A data directory with a node that has worked for a month, all of its indexes complete. */
export function makeFilledNode(filling: Filling): string {
  const directory = makeNode();
  const store = Store.open(directory);
  try {
    inPieces(store, filling.pages, 500, putPage);
    const eventsPerKey = Math.floor(filling.events / filling.keys);
    inPieces(store, filling.keys, Math.ceil(rowsPerTransaction / eventsPerKey), (writer, number) => {
      putKey(writer, number, eventsPerKey, fixedNow - monthMs + Math.floor((monthMs * number) / filling.keys));
    });
    inPieces(store, filling.reconstructions, rowsPerTransaction, putReconstruction);
    inPieces(store, sealedRequests, requestsPerTransaction, putRequest);
    followIndexes(store, 0);
  } finally {
    store.close();
  }
  return directory;
}

function inPieces(store: Store, count: number, size: number, put: (writer: Writer, number: number) => void): void {
  for (let first = 0; first < count; first += size) {
    store.write((writer) => {
      for (let number = first; number < Math.min(count, first + size); number += 1) put(writer, number);
    });
    store.checkpoint();
    followIndexes(store, rowsPerTransaction * 2);
  }
}

function followIndexes(store: Store, lagMax: number): void {
  while (store.indexes.lag() > lagMax) store.indexes.follow(rowsPerIndexPiece);
}

function putPage(writer: Writer, number: number): void {
  const address = {
    denomination: 1 + Math.floor(number / pagesPerDenomination),
    pageNumber: number % pagesPerDenomination,
  };
  const page = systemRandom.bytes(17_408);
  for (let record = 0; record < 1_024; record += 1) page[record * 17 + 16] = record % 4 === 0 ? 45 : 0;
  writer.coins.putPage(address, page);
}

const keyIdOf = (number: number) => createHash('md5').update(String(number)).digest();

function putKey(writer: Writer, number: number, events: number, time: number): void {
  const keyId = keyIdOf(number);
  const coin = { denomination: 1, serialNumber: 1 + (keyId.readUInt32BE() % coinsWithKeys) };
  writer.chatKeys.put(keyId, { coin, key: systemRandom.bytes(32) }, time);
  const common = { time, status: 250, keyId, address: `192.0.2.${number & 0xff}` };
  writer.events.append({
    ...common,
    action: 'post-key',
    encryptionType: 4,
    claimedCoin: coin,
    encryptionCoins: [coin],
  });
  for (let fetch = 1; fetch < events; fetch += 1) {
    writer.events.append({ ...common, action: 'get-key', encryptionType: 0, fetched: true });
  }
}

function putReconstruction(writer: Writer, number: number): void {
  const encryptionCoin = { denomination: 1, serialNumber: 14_001 };
  const target = { denomination: 1, serialNumber: 1 + number };
  const ticket = { encryptionCoin, authority: number % 25, target, sealed: systemRandom.bytes(16) };
  writer.tickets.remember(ticket, 0, fixedNow);
  const previous = systemRandom.bytes(32);
  const accepted = { coin: target, splitId: 0, authority: ticket.authority, previous };
  const refused = { coin: target, splitId: 1, authority: ticket.authority, reason: 'ticket-does-not-open' };
  writer.events.append({
    time: fixedNow,
    action: 'decrypt-raida-key',
    status: 250,
    encryptionType: 0,
    claimedCoin: encryptionCoin,
    address: '192.0.2.7',
    details: { records: 2 },
    reconstructions: [accepted, refused],
  });
}

function putRequest(writer: Writer, number: number): void {
  const [identity, hmac] = [systemRandom.bytes(34), systemRandom.bytes(32)];
  const answered = { time: fixedNow, status: 250, payload: systemRandom.bytes(number % 4) };
  writer.replays.remember({ identity, body: sliceOf(hmac), hmac }, answered, true);
}
