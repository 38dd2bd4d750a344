import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { viewOf } from '../../src/bytes/slice.ts';
import { rowChecksum } from '../../src/storage/checksum.ts';
import { Store } from '../../src/storage/store.ts';
import { Exchange, fixedNow, makeNode, openBeside, openStore, type Scripted } from '../support/harness.ts';
import { buildRequest, coinBytes, ctr, getPayload, postPayload } from '../support/wire.ts';

/** What stands between a sound request and its command: SG-1, SG-2, SG-3, KX-41.5, KX-43.4, KX-45.8. */
const coin = { denomination: 2, serialNumber: 77, secret: Buffer.alloc(16, 0xc2) };
const keys = Buffer.from(Array.from({ length: 400 }, (_, index) => (index * 7) & 0xff));
const encryptionCoin = Buffer.concat([Buffer.from('09010006', 'hex'), Buffer.alloc(36), keys]);

const keyId = (id: number) => Buffer.alloc(16, id);
const nonces = [0, 1, 2, 3].map((id) => Buffer.alloc(24, 0x40 + id));

function post(id: number, type: 0 | 1 | 4, nonce = nonces[0], value = 7): Buffer {
  const payload = postPayload(keyId(id), coinBytes(2, 77), Buffer.alloc(128, value), 0, 9);
  const coins = type === 0 ? [] : [coin];
  return buildRequest({ group: 4, command: 41, type, coins, payload, ...(nonce === undefined ? {} : { nonce }) });
}

function get(id: number, type: 0 | 1 | 4 = 0): Buffer {
  const coins = type === 0 ? [] : [coin];
  return buildRequest({ group: 4, command: 43, type, coins, payload: getPayload(keyId(id)) });
}

function reasonsIn(directory: string): (string | null)[] {
  return openBeside(directory).prepare('SELECT reason FROM events ORDER BY sequence').pluck().all() as (
    | string
    | null
  )[];
}

describe.each([1, 4] as const)('an authenticated request of type %i (SG-2, SG-3)', (type) => {
  it('is carried out once, answered alike within its window, and refused after it', () => {
    const directory = makeNode([coin]);
    let now = fixedNow;
    const exchange = new Exchange(openStore(directory), { now: () => now });
    const request = post(1, type);
    expect([exchange.status(request), exchange.status(request)]).toEqual([250, 250]);
    expect(reasonsIn(directory)).toEqual([null]);
    expect(openBeside(directory).prepare('SELECT replacements FROM chat_keys').pluck().all()).toEqual([0]);
    now += 61_000;
    expect(exchange.status(request)).toBe(34);
    expect(reasonsIn(directory)).toEqual([null, 'replayed']);
  });

  it('is known again where it was first read together with another', () => {
    const directory = makeNode([coin]);
    const exchange = new Exchange(openStore(directory));
    const [first, second] = [post(1, type), post(2, type, nonces[1])];
    const together = exchange.send(Buffer.concat([first, second]));
    expect(together.map((reply) => reply[2])).toEqual([250, 250]);
    expect([exchange.status(first), exchange.status(second)]).toEqual([250, 250]);
    expect(reasonsIn(directory)).toEqual([null, null]);
  });

  it('is remembered across a restart, also twice within one batch', () => {
    const directory = makeNode([coin]);
    const first = Store.open(directory);
    expect(new Exchange(first).send(post(1, type), post(1, type)).map((reply) => reply[2])).toEqual([250, 250]);
    first.close();
    const again = new Exchange(openStore(directory), { now: () => fixedNow + 30_000 });
    expect(again.status(post(1, type))).toBe(250);
    expect(reasonsIn(directory)).toEqual([null]);
  });

  it('is remembered across a restart with all that shared its transaction', () => {
    const directory = makeNode([coin]);
    const requests = [1, 2, 3, 4].map((id, place) => post(id, type, nonces[place]));
    const first = Store.open(directory);
    const statuses = new Exchange(first).send(...requests).map((reply) => reply[2]);
    first.close();
    const again = new Exchange(openStore(directory)).send(...requests).map((reply) => reply[2]);
    expect([statuses, again]).toEqual([Array(4).fill(250), Array(4).fill(250)]);
    expect(reasonsIn(directory)).toEqual([null, null, null, null]);
    const sizes = openBeside(directory).prepare('SELECT length(body) FROM authenticated_requests').pluck().all();
    expect(sizes).toEqual([type === 4 ? 32 : 16]);
  });

  it('is remembered as versions before stored it: by a digest of its body, in a row of its own', () => {
    const directory = makeNode([coin]);
    const first = Store.open(directory);
    const exchange = new Exchange(first);
    const [frame] = exchange.frames(post(1, type));
    expect(exchange.status(post(1, type))).toBe(250);
    first.close();
    const beside = openBeside(directory);
    const identity = beside.prepare('SELECT identity FROM authenticated_requests').pluck().get() as Buffer;
    const body = createHash('sha256')
      .update(frame === undefined ? '' : viewOf(frame.body))
      .digest()
      .subarray(0, 16);
    const checksum = rowChecksum([fixedNow, identity, body, 250, Buffer.alloc(0)]);
    beside.prepare('UPDATE authenticated_requests SET body = ?, checksum = ?').run(body, checksum);
    const again = new Exchange(openStore(directory));
    expect([again.status(post(1, type)), again.status(post(2, type))]).toEqual([250, 34]);
    expect(reasonsIn(directory)).toEqual([null, 'nonce-reused']);
  });

  it('whose bytes were changed is refused and recorded, one with another nonce is not', () => {
    const directory = makeNode([coin]);
    const exchange = new Exchange(openStore(directory));
    expect(exchange.status(post(1, type))).toBe(250);
    expect(exchange.status(post(2, type))).toBe(34);
    expect(exchange.status(post(1, type, nonces[0], 8))).toBe(34);
    expect(exchange.status(post(3, type, nonces[1]))).toBe(250);
    expect(reasonsIn(directory)).toEqual([null, 'nonce-reused', 'nonce-reused', null]);
  });

  it('under a nonce that may come again is forgotten with its transaction, and no other in its place', () => {
    const directory = makeNode([coin]);
    const exchange = new Exchange(openStore(directory), { settings: '[replay]\nnonce_reuse = "allow"\n' });
    const beside = openBeside(directory);
    const keysOf = () => beside.prepare('SELECT count(*) FROM chat_keys').pluck().get();
    expect(exchange.status(post(1, type))).toBe(250);
    beside.exec("CREATE TRIGGER full BEFORE INSERT ON events BEGIN SELECT RAISE(ROLLBACK, 'full'); END");
    expect(exchange.status(post(2, type))).toBe(194);
    beside.exec('DROP TRIGGER full');
    expect([exchange.status(post(2, type)), keysOf()]).toEqual([250, 2]);
    expect([exchange.status(post(2, type)), reasonsIn(directory).length]).toEqual([250, 3]);
  });

  it('is not carried out where it cannot be remembered', () => {
    const directory = makeNode([coin]);
    const exchange = new Exchange(openStore(directory));
    const beside = openBeside(directory);
    const keysOf = () => beside.prepare('SELECT count(*) FROM chat_keys').pluck().get();
    beside.exec("CREATE TRIGGER full BEFORE INSERT ON authenticated_requests BEGIN SELECT RAISE(ABORT, 'full'); END");
    expect([exchange.status(post(1, type)), keysOf()]).toEqual([194, 0]);
    beside.exec('DROP TRIGGER full');
    expect([exchange.status(post(1, type)), keysOf()]).toEqual([250, 1]);
  });

  it('is forgotten with its transaction', () => {
    const directory = makeNode([coin]);
    const store = openStore(directory);
    const exchange = new Exchange(store);
    const beside = openBeside(directory);
    beside.exec("CREATE TRIGGER full BEFORE INSERT ON events BEGIN SELECT RAISE(ROLLBACK, 'full'); END");
    expect(exchange.status(post(1, type))).toBe(194);
    beside.exec('DROP TRIGGER full');
    expect(exchange.status(post(1, type))).toBe(250);
    expect(exchange.status(get(1))).toBe(250);
  });
});

it('a nonce may come again under type 1 with another challenge, as deployed clients do (SG-3)', () => {
  const directory = makeNode([coin]);
  const exchange = new Exchange(openStore(directory));
  const payload = postPayload(keyId(5), coinBytes(2, 77), Buffer.alloc(128, 1), 0, 9);
  const request = (challenge: Buffer) =>
    buildRequest({ group: 4, command: 41, type: 1, coins: [coin], payload, challenge });
  expect(exchange.status(request(Buffer.from('00000000000000000000000000000000', 'hex')))).toBe(37);
  expect(exchange.status(request(Buffer.from('0000000000000000000000007bd5c66f', 'hex')))).toBe(250);
  expect(exchange.status(request(Buffer.from('ffffffffffffffffffffffffbb99ff8a', 'hex')))).toBe(250);
});

describe('limits of a client (SG-1)', () => {
  const limited = (settings: string): Scripted & { tick(ms: number): void } => {
    let clockMs = 0;
    return {
      client: '198.51.100.7',
      settings: `[rate_limits]\nburst_seconds = 1\n${settings}`,
      monotonicMs: () => clockMs,
      tick: (ms) => {
        clockMs += ms;
      },
    };
  };

  it('hold for an address, come back with time, leave no event, and let status commands be', () => {
    const directory = makeNode();
    const script = limited('per_address = 3');
    const exchange = new Exchange(openStore(directory), script);
    expect([1, 2, 3, 4, 5].map((id) => exchange.status(post(id, 0)))).toEqual([250, 250, 250, 194, 194]);
    expect(exchange.status(buildRequest({ group: 0, command: 0 }))).toBe(250);
    script.tick(400);
    expect([6, 7].map((id) => exchange.status(post(id, 0)))).toEqual([250, 194]);
    expect(reasonsIn(directory)).toHaveLength(4);
  });

  it('hold for a network and for a claimed coin', () => {
    for (const setting of ['per_network = 2', 'per_coin = 2']) {
      const exchange = new Exchange(openStore(makeNode()), limited(setting));
      expect([1, 2, 3].map((id) => exchange.status(post(id, 0)))).toEqual([250, 250, 194]);
    }
  });

  it('hold for guesses at ids, and then for right ones too', () => {
    const script = limited('misses_per_address = 2');
    const exchange = new Exchange(openStore(makeNode()), script);
    expect(exchange.status(post(1, 0))).toBe(250);
    expect([get(1), get(8), get(9), get(1)].map((request) => exchange.status(request))).toEqual([250, 194, 194, 194]);
    script.tick(1_000);
    expect(exchange.status(get(1))).toBe(250);
  });

  it('do not let a client through that has hung up before anybody saw its address', () => {
    const directory = makeNode();
    const exchange = new Exchange(openStore(directory), { isGone: true });
    expect(exchange.status(post(1, 0))).toBe(194);
    expect(exchange.status(buildRequest({ group: 0, command: 0 }))).toBe(250);
    expect(reasonsIn(directory)).toEqual([]);
  });

  it('do not hold for loopback', () => {
    const exchange = new Exchange(openStore(makeNode()), { ...limited('per_address = 1'), client: '::ffff:127.0.0.1' });
    expect([1, 2, 3].map((id) => exchange.status(post(id, 0)))).toEqual([250, 250, 250]);
  });
});

it('a coin and the node hold as many keys as they may, and replacing one needs no room (KX-41.5)', () => {
  for (const setting of ['per_coin = 2', 'total = 2']) {
    const exchange = new Exchange(openStore(makeNode()), { settings: `[keys]\n${setting}` });
    expect([1, 2, 3, 1].map((id) => exchange.status(post(id, 0)))).toEqual([250, 250, 194, 250]);
  }
});

it('get key is refused under type 1 where the operator says so (KX-43.4)', () => {
  const exchange = new Exchange(openStore(makeNode([coin])), { settings: '[keys]\nrefuse_type_1_get = true' });
  expect(exchange.status(post(1, 0))).toBe(250);
  expect([get(1), get(1, 1), get(1, 4)].map((request) => exchange.status(request))).toEqual([250, 34, 250]);
});

describe('reconstructions (KX-45.8)', () => {
  let part = 0;
  function restore(exchange: Exchange, records: readonly (readonly [split: 0 | 1, authority: number])[]): string {
    const sealed = records.map(([split, authority]) => {
      part += 1;
      const clear = Buffer.concat([Buffer.alloc(8, part), coinBytes(2, 77), Buffer.from('1234ff', 'hex')]);
      const ticket = ctr(keys.subarray(authority * 16, authority * 16 + 16), Buffer.alloc(16), clear);
      return Buffer.concat([Buffer.from([0, 6, split, authority, 0]), coinBytes(2, 77), ticket]);
    });
    const payload = Buffer.concat([coinBytes(1, 300), ...sealed]);
    return exchange.one(buildRequest({ group: 4, command: 45, payload })).toString('hex', 32, 32 + records.length);
  }
  const nodeWith = (settings = '', now = () => fixedNow) => {
    const directory = makeNode([coin], { '01.300.bin': encryptionCoin });
    const store = openStore(directory);
    return { directory, store, exchange: new Exchange(store, { settings: `[reconstruction]\n${settings}`, now }) };
  };

  it('are limited for each half and day, within a request and across requests, indexed or not', () => {
    let now = fixedNow;
    const { directory, store, exchange } = nodeWith('', () => now);
    expect(
      restore(exchange, [
        [0, 1],
        [0, 2],
        [0, 3],
        [0, 4],
        [1, 4],
      ]),
    ).toBe('0101010001');
    expect(
      restore(exchange, [
        [0, 5],
        [1, 5],
      ]),
    ).toBe('0001');
    while (store.indexes.lag() > 0) store.indexes.follow(100);
    expect(
      restore(exchange, [
        [0, 6],
        [1, 6],
        [1, 7],
      ]),
    ).toBe('000100');
    now += 86_400_001;
    expect(restore(exchange, [[0, 8]])).toBe('01');
    const reasons = openBeside(directory).prepare(
      'SELECT DISTINCT reason FROM reconstructions WHERE reason IS NOT NULL',
    );
    expect(reasons.pluck().all()).toEqual(['too-often-restored']);
  });

  it('happen for listed coins only, or not at all', () => {
    expect(restore(nodeWith('mode = "off"').exchange, [[0, 1]])).toBe('00');
    expect(restore(nodeWith('mode = "allowlist"').exchange, [[0, 1]])).toBe('00');
    expect(restore(nodeWith('mode = "allowlist"\nallow = ["2:70-80"]').exchange, [[0, 1]])).toBe('01');
  });

  it('need different authorities where the operator says so', () => {
    const { exchange } = nodeWith('distinct_authorities = true');
    expect(
      restore(exchange, [
        [0, 1],
        [1, 1],
        [1, 2],
      ]),
    ).toBe('010001');
    expect(
      restore(exchange, [
        [0, 2],
        [0, 3],
      ]),
    ).toBe('0001');
  });
});
