import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseCoinName } from '../../src/domain/coin.ts';
import type { Store } from '../../src/storage/store.ts';
import { programVersion } from '../../src/version.ts';
import { Exchange, fixedNow, makeNode, openStore, systemRandom } from '../support/harness.ts';
import { masked, openModernReply, readReply, type WireCoin } from '../support/wire.ts';

/**
 * One vector file a command: the database before, the request's bytes in wire order, the reply's bytes, the database
 * after, and the rules that each vector proves. A failure names the field, not an offset.
 */
type Labelled = readonly (readonly [label: string, bytes: string])[];

interface StoredCoin {
  readonly coin: string;
  readonly authentication_number: string;
  readonly mfs: number;
}

interface StoredKey {
  readonly key_id: string;
  readonly coin: string;
  readonly key: string;
}

interface Vector {
  readonly name: string;
  readonly rules: readonly string[];
  readonly settings?: string;
  readonly random?: readonly string[];
  readonly coins_before: readonly StoredCoin[];
  readonly keys_before?: readonly StoredKey[];
  readonly encryption_coins?: Readonly<Record<string, string>>;
  /** Requests sent first. */
  readonly before?: readonly Labelled[];
  readonly request: Labelled;
  readonly reply: {
    readonly status: number;
    readonly bytes?: Labelled;
    readonly payload?: string;
    readonly payload_ascii?: string;
  };
  readonly after_coins?: readonly StoredCoin[];
  readonly after_keys?: readonly StoredKey[];
}

const folder = new URL('../vectors/', import.meta.url);
const hex = (text: string) => Buffer.from(text, 'hex');

function coinOf(name: string) {
  const coin = parseCoinName(name);
  if (coin === undefined) throw new Error(`${name} is no coin`);
  return coin;
}

function bytesOf(labelled: Labelled): Buffer {
  return Buffer.concat(labelled.map(([, bytes]) => hex(bytes)));
}

function expectLabelled(actual: Buffer, wanted: Labelled): void {
  let position = 0;
  for (const [label, bytes] of wanted) {
    const size = bytes.length / 2;
    expect(`${label}: ${actual.subarray(position, position + size).toString('hex')}`).toBe(`${label}: ${bytes}`);
    position += size;
  }
  expect(actual.length, 'size of the reply').toBe(position);
}

function prepare(vector: Vector): { store: Store; exchange: Exchange } {
  const coins = vector.coins_before.map(({ coin, authentication_number, mfs }) => ({
    ...coinOf(coin),
    secret: hex(authentication_number),
    mfs,
  }));
  const files = Object.entries(vector.encryption_coins ?? {}).map(([name, file]) => [name, hex(file)] as const);
  const store = openStore(makeNode(coins, Object.fromEntries(files)));
  store.write((writer) => {
    for (const { key_id, coin, key } of vector.keys_before ?? []) {
      writer.chatKeys.put(hex(key_id), { coin: coinOf(coin), key: hex(key) }, fixedNow);
    }
  });
  const draws = [...(vector.random ?? [])];
  const random = {
    bytes: (size: number) => (draws[0]?.length === size * 2 ? hex(draws.shift() ?? '') : systemRandom.bytes(size)),
  };
  return { store, exchange: new Exchange(store, { random, settings: vector.settings ?? '' }) };
}

/** The coins that sealed the request, read from its own header and the database before. */
function sealingCoins(vector: Vector, request: Buffer): WireCoin[] {
  const names = [
    `${request.readInt8(19)}:${request.readUInt32BE(20)}`,
    `${request.readInt8(24)}:${request.readUInt32BE(25)}`,
  ];
  return names.slice(0, request[16] === 5 ? 2 : 1).map((name) => {
    const stored = vector.coins_before.find((each) => each.coin === name);
    return { ...coinOf(name), secret: hex(stored?.authentication_number ?? '') };
  });
}

function expectReply(vector: Vector, request: Buffer, reply: Buffer): void {
  const { status, bytes, payload, payload_ascii } = vector.reply;
  expect(reply.readUInt8(2), 'status').toBe(status);
  const modern = request[16] === 4 || request[16] === 5;
  if (bytes !== undefined) {
    expectLabelled(hex(masked(reply)), bytes);
    return;
  }
  const read = readReply(reply, modern);
  if (read === undefined) throw new Error('the reply is not whole');
  expect(read.whole).toHaveLength(reply.length);
  const clear =
    modern && read.body.length > 0 ? openModernReply(read, sealingCoins(vector, request)) : read.body.subarray(0, -2);
  if (payload_ascii === 'version') expect(clear.toString('ascii')).toBe(programVersion);
  else expect(clear.toString('hex'), 'payload').toBe(payload);
  if (modern) {
    expect(reply[16], 'encryption type').toBe(request[16]);
    expect(reply.subarray(17, 22).toString('hex'), 'first coin').toBe(request.subarray(19, 24).toString('hex'));
    expect(read.echo, 'echo').toBe(request.subarray(46, 48).toString('hex'));
    if (request[16] === 5) expect(reply.subarray(24, 29)).toEqual(request.subarray(24, 29));
  }
}

function expectDatabase(vector: Vector, store: Store): void {
  store.read((reader) => {
    for (const { coin, authentication_number, mfs } of vector.after_coins ?? []) {
      const record = reader.coins.record(coinOf(coin));
      expect([record?.authenticationNumber.toString('hex'), record?.mfs], coin).toEqual([authentication_number, mfs]);
    }
    const known = [...(vector.keys_before ?? []), ...(vector.after_keys ?? [])].map(({ key_id }) => key_id);
    for (const id of vector.after_keys === undefined ? [] : new Set(known)) {
      const wanted = vector.after_keys?.find(({ key_id }) => key_id === id);
      const found = reader.chatKeys.find(hex(id));
      expect(found && [`${found.coin.denomination}:${found.coin.serialNumber}`, found.key.toString('hex')], id).toEqual(
        wanted && [wanted.coin, wanted.key],
      );
    }
  });
}

const files = readdirSync(folder).filter((name) => name !== 'key-exchange.json');

describe.each(files)('%s', (file) => {
  const { vectors } = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as { vectors: Vector[] };
  it.each(vectors)('$name $rules', (vector) => {
    const { store, exchange } = prepare(vector);
    for (const request of vector.before ?? []) exchange.one(bytesOf(request));
    const request = bytesOf(vector.request);
    expectReply(vector, request, exchange.one(request));
    expectDatabase(vector, store);
  });
});
