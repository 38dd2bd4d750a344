import { readdirSync, readFileSync } from 'node:fs';
import { parseCoinName } from '../../src/domain/coin.ts';
import type { RandomSource } from '../../src/domain/random.ts';
import { Store } from '../../src/storage/store.ts';
import { fixedNow, makeNode, systemRandom } from './harness.ts';

/**
 * One vector file a command: the database before, the request's bytes in wire order, the reply's bytes, the database
 * after, and the rules that each vector proves.
 */
export type Labelled = readonly (readonly [label: string, bytes: string])[];

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

export interface Vector {
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

/** All files but the golden vectors, which have a form of their own. */
export const vectorFiles = readdirSync(folder).filter((name) => name !== 'key-exchange.json');

export function readVectors(file: string): Vector[] {
  return (JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as { vectors: Vector[] }).vectors;
}

export const hex = (text: string) => Buffer.from(text, 'hex');

export function coinOf(name: string) {
  const coin = parseCoinName(name);
  if (coin === undefined) throw new Error(`${name} is no coin`);
  return coin;
}

export function bytesOf(labelled: Labelled): Buffer {
  return Buffer.concat(labelled.map(([, bytes]) => hex(bytes)));
}

/** The data directory that a vector starts from. */
export function directoryOf(vector: Vector): string {
  const coins = vector.coins_before.map(({ coin, authentication_number, mfs }) => ({
    ...coinOf(coin),
    secret: hex(authentication_number),
    mfs,
  }));
  const files = Object.entries(vector.encryption_coins ?? {}).map(([name, file]) => [name, hex(file)] as const);
  const directory = makeNode(coins, Object.fromEntries(files));
  const keys = vector.keys_before ?? [];
  if (keys.length === 0) return directory;
  const store = Store.open(directory);
  store.write((writer) => {
    for (const { key_id, coin, key } of keys) {
      writer.chatKeys.put(hex(key_id), { coin: coinOf(coin), key: hex(key) }, fixedNow);
    }
  });
  store.close();
  return directory;
}

/** The vector's own draws while their sizes fit, then `rest`. */
export function randomOf(vector: Vector, rest: RandomSource = systemRandom): RandomSource {
  const draws = [...(vector.random ?? [])];
  return { bytes: (size) => (draws[0]?.length === size * 2 ? hex(draws.shift() ?? '') : rest.bytes(size)) };
}

export interface Content {
  readonly coins: Readonly<Record<string, readonly [secret: string, mfs: number]>>;
  readonly keys: Readonly<Record<string, readonly [coin: string, key: string]>>;
}

/** The part of the database that a vector speaks of, as the vector would write it. */
export function contentOf(vector: Vector, store: Store): Content {
  const ids = [...(vector.keys_before ?? []), ...(vector.after_keys ?? [])].map(({ key_id }) => key_id);
  return store.read((reader) => ({
    coins: Object.fromEntries(
      (vector.after_coins ?? []).flatMap(({ coin }) => {
        const record = reader.coins.record(coinOf(coin));
        return record === undefined ? [] : [[coin, [record.authenticationNumber.toString('hex'), record.mfs]]];
      }),
    ),
    keys: Object.fromEntries(
      (vector.after_keys === undefined ? [] : ids).flatMap((id) => {
        const found = reader.chatKeys.find(hex(id));
        if (found === undefined) return [];
        return [[id, [`${found.coin.denomination}:${found.coin.serialNumber}`, found.key.toString('hex')]]];
      }),
    ),
  }));
}

/** What `contentOf` has to find. */
export function wantedContent({ after_coins = [], after_keys = [] }: Vector): Content {
  return {
    coins: Object.fromEntries(
      after_coins.map(({ coin, authentication_number, mfs }) => [coin, [authentication_number, mfs]]),
    ),
    keys: Object.fromEntries(after_keys.map(({ key_id, coin, key }) => [key_id, [coin, key]])),
  };
}
