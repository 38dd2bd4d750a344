import fc from 'fast-check';
import { buildRequest, coinBytes, ctr, legacyNonce, modernNonce, postPayload, type WireCoin } from './wire.ts';

/**
 * A node as a few maps: what post, get, encrypt and decrypt have to answer, written from the protocol's text and without
 * a line of src. Randomness is fixed: a draw of 16 bytes, of 2, of a whole page.
 */
export const sessionKey = Buffer.alloc(16, 0x5a);
export const ticketRandom = Buffer.from('1234', 'hex');
/** What a page that nobody has used is made of. */
export const pageRandom = Buffer.alloc(17_408, 0x77);
export const monthNow = 45;

/** Coins that seal requests; nothing ever changes them. */
export const sealing: readonly WireCoin[] = [
  { denomination: 2, serialNumber: 77, secret: Buffer.alloc(16, 0x11) },
  { denomination: -3, serialNumber: 1_023_999, secret: Buffer.alloc(16, 0x22) },
];
/** Coins that are asked for and restored: in use, free on a page that exists, without a page, out of range. */
export const targets: readonly (readonly [number, number])[] = [
  [1, 300],
  [1, 301],
  [4, 5_000],
  [1, 1_024_000],
];
export const encryptionCoinKeys = Buffer.from(Array.from({ length: 400 }, (_, index) => (index * 13 + 5) & 0xff));

const sealedRequest = { seal: fc.constantFrom(0, 1, 4, 5) } as const;
const target = fc.nat(targets.length - 1);

const record = fc.record({
  target,
  split: fc.constantFrom(0, 1, 0, 1, 2),
  authority: fc.constantFrom(0, 3, 24, 25),
  part: fc.nat(3),
  fault: fc.constantFrom('none', 'none', 'none', 'mark', 'coin', 'key'),
  zeroBlock: fc.boolean(),
});

export const step = fc.oneof(
  fc.record({
    kind: fc.constant('post' as const),
    ...sealedRequest,
    id: fc.nat(2),
    owner: fc.nat(1),
    start: fc.constantFrom(0, 7, 100, 127, 200),
    size: fc.constantFrom(0, 1, 20, 28, 127, 200),
    fill: fc.nat(255),
  }),
  fc.record({ kind: fc.constant('get' as const), ...sealedRequest, id: fc.nat(3) }),
  fc.record({ kind: fc.constant('session' as const), ...sealedRequest, target }),
  fc.record({ kind: fc.constant('ticket' as const), ...sealedRequest, target, part: fc.nat(3) }),
  fc.record({
    kind: fc.constant('decrypt' as const),
    ...sealedRequest,
    missingCoin: fc.constantFrom(false, false, false, true),
    records: fc.array(record, { minLength: 1, maxLength: 4 }),
  }),
);

export type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
type Seal = Step['seal'];
type Ticket = Extract<Step, { kind: 'decrypt' }>['records'][number];

export interface Answer {
  readonly status: number;
  readonly payload: Buffer;
}

export const sealers = (seal: Seal) => sealing.slice(0, seal === 0 ? 0 : seal === 5 ? 2 : 1);
const refusal = (status: number): Answer => ({ status, payload: Buffer.alloc(0) });
const idBytes = (id: number) => Buffer.alloc(16, id + 1);
const nameOf = (place: number) => coinBytes(...(targets[place] ?? [0, 0]));
const halfBytes = (part: number) => Buffer.alloc(8, 0xa0 + part);
const owners = [coinBytes(1, 9), coinBytes(1, 10)];
const padOf = (fill: number) => Buffer.from(Array.from({ length: 128 }, (_, index) => (index + fill) & 0xff));

/** First 8 bytes of the nonce of a request, and then zeros. */
function nonceBlock(seal: Seal): Buffer {
  const [, second] = sealing;
  const start =
    seal === 5
      ? Buffer.concat([coinBytes(second?.denomination ?? 0, second?.serialNumber ?? 0), modernNonce.subarray(5, 8)])
      : (seal === 4 ? modernNonce : legacyNonce).subarray(0, 8);
  return Buffer.concat([start, Buffer.alloc(8)]);
}

function ticketOf({ target: place, authority, part, fault, zeroBlock }: Ticket, seal: Seal): Buffer {
  const coin = fault === 'coin' ? coinBytes(6, 6) : nameOf(place);
  const clear = Buffer.concat([halfBytes(part), coin, ticketRandom, Buffer.from([fault === 'mark' ? 0xfe : 0xff])]);
  const place16 = 16 * ((authority + (fault === 'key' ? 1 : 0)) % 25);
  return ctr(
    encryptionCoinKeys.subarray(place16, place16 + 16),
    zeroBlock ? Buffer.alloc(16) : nonceBlock(seal),
    clear,
  );
}

export function requestOf(each: Step): Buffer {
  const command = { post: 41, get: 43, session: 44, ticket: 44, decrypt: 45 }[each.kind];
  const sealed = { group: 4, command, type: each.seal, coins: sealers(each.seal) } as const;
  return buildRequest({ ...sealed, payload: payloadOf(each) });
}

function payloadOf(each: Step): Buffer {
  switch (each.kind) {
    case 'post':
      return postPayload(
        idBytes(each.id),
        owners[each.owner] ?? Buffer.alloc(5),
        padOf(each.fill),
        each.start,
        each.size,
      );
    case 'get':
      return Buffer.concat([idBytes(each.id), Buffer.alloc(21)]);
    case 'session':
      return nameOf(each.target);
    case 'ticket':
      return Buffer.concat([nameOf(each.target), halfBytes(each.part)]);
    case 'decrypt':
      return Buffer.concat([
        each.missingCoin ? coinBytes(1, 1) : coinBytes(1, 14_001),
        ...each.records.map((one) =>
          Buffer.concat([
            Buffer.from([0, 6, one.split, one.authority, 0]),
            nameOf(one.target),
            ticketOf(one, each.seal),
          ]),
        ),
      ]);
  }
}

interface Known {
  readonly secret: Buffer;
  readonly mfs: number;
}

export class Model {
  coins = new Map<number, Known>([
    [0, { secret: Buffer.alloc(16, 0x33), mfs: 12 }],
    [1, { secret: Buffer.alloc(16, 0x44), mfs: 0 }],
  ]);
  keys = new Map<number, { readonly owner: number; readonly key: Buffer }>();
  tickets = new Map<string, number>();

  copy(): Model {
    const other = new Model();
    other.coins = new Map(this.coins);
    other.keys = new Map(this.keys);
    other.tickets = new Map(this.tickets);
    return other;
  }

  answer(each: Step): Answer {
    switch (each.kind) {
      case 'post':
        return this.#post(each);
      case 'get': {
        const found = this.keys.get(each.id);
        const owner = owners[found?.owner ?? 0] ?? Buffer.alloc(0);
        return found === undefined ? refusal(194) : { status: 250, payload: Buffer.concat([owner, found.key]) };
      }
      case 'session': {
        const known = this.#inUse(each.target);
        if (known === undefined) return refusal(40);
        return { status: 0, payload: Buffer.from(sessionKey.map((byte, place) => byte ^ (known.secret[place] ?? 0))) };
      }
      case 'ticket':
        return this.#ticket(each);
      case 'decrypt':
        if (each.missingCoin) return refusal(197);
        return {
          status: 250,
          payload: Buffer.from(each.records.map((one) => (this.#restore(one, each.seal) ? 1 : 0))),
        };
    }
  }

  #inUse(place: number): Known | undefined {
    const known = this.coins.get(place);
    return known === undefined || known.mfs === 0 ? undefined : known;
  }

  #post({ id, owner, start, size, fill }: Extract<Step, { kind: 'post' }>): Answer {
    if (start + size > 127) return refusal(196);
    const before = this.keys.get(id);
    if (before !== undefined && before.owner !== owner) return refusal(201);
    this.keys.set(id, { owner, key: padOf(fill).subarray(start, start + size) });
    return refusal(250);
  }

  #ticket({ seal, target: place, part }: Extract<Step, { kind: 'ticket' }>): Answer {
    const [denomination = 0, serialNumber = 0] = targets[place] ?? [];
    const known = this.#inUse(place);
    if (denomination !== 1 || serialNumber > 24_999 || known === undefined) return refusal(40);
    const [proved] = sealers(seal);
    const named = proved === undefined ? nameOf(place) : coinBytes(proved.denomination, proved.serialNumber);
    const clear = Buffer.concat([halfBytes(part), named, ticketRandom, Buffer.from([0xff])]);
    return { status: 0, payload: ctr(known.secret, seal === 0 ? Buffer.alloc(16) : nonceBlock(seal), clear) };
  }

  #restore(one: Ticket, seal: Seal): boolean {
    const [, serialNumber = 0] = targets[one.target] ?? [];
    if (one.split > 1 || one.authority > 24 || serialNumber >= 1_024_000 || one.fault !== 'none') return false;
    const identity = `${one.authority} ${one.target} ${ticketOf(one, seal).toString('hex')}`;
    const acceptedAs = this.tickets.get(identity);
    const known = this.coins.get(one.target);
    const half = (secret: Buffer) => secret.subarray(one.split * 8, one.split * 8 + 8);
    if (acceptedAs !== undefined) {
      return acceptedAs === one.split && known !== undefined && half(known.secret).equals(halfBytes(one.part));
    }
    this.tickets.set(identity, one.split);
    const secret = Buffer.from(known?.secret ?? pageRandom.subarray(0, 16));
    halfBytes(one.part).copy(half(secret));
    this.coins.set(one.target, { secret, mfs: monthNow });
    return true;
  }
}
