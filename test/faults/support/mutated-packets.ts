import fc from 'fast-check';
import type { GivenCoin } from '../../support/harness.ts';
import { buildRequest, coinBytes, ctr, getPayload, postPayload, type WireRequest } from '../../support/wire.ts';

/** Valid requests of all nine commands under the types 0, 1, 4 and 5, and what becomes of them on a bad line or in bad hands. */
const holder: GivenCoin = { denomination: 2, serialNumber: 77, secret: Buffer.alloc(16, 0x11) };
const second: GivenCoin = { denomination: -3, serialNumber: 5, secret: Buffer.alloc(16, 0x22) };
const server: GivenCoin = { denomination: 1, serialNumber: 300, secret: Buffer.alloc(16, 0x33) };
const authorityKeys = Buffer.from(Array.from({ length: 400 }, (_, index) => (index * 13) & 0xff));
const serverName = coinBytes(server.denomination, server.serialNumber);
const admin = Buffer.alloc(16, 0xad);

/** What the node of these requests holds. */
export const fuzzedCoins: readonly GivenCoin[] = [holder, second, server];
export const fuzzedFiles = {
  '01.300.bin': Buffer.concat([Buffer.from('09010006', 'hex'), Buffer.alloc(36), authorityKeys]),
};
export const fuzzedAdminKey = admin.toString('hex');

function ticketRecord(splitId: number, fill: number): Buffer {
  const target = coinBytes(2, 78);
  const clear = Buffer.concat([Buffer.alloc(8, fill), target, Buffer.from('1234ff', 'hex')]);
  const sealed = ctr(authorityKeys.subarray(48, 64), Buffer.alloc(16), clear);
  return Buffer.concat([Buffer.from([0, 6, splitId, 3, 0]), target, sealed]);
}

interface Sound {
  readonly request: WireRequest;
  readonly bytes: Buffer;
}

const sound: Sound[] = ([0, 1, 4, 5] as const).flatMap((type) => {
  const keyId = Buffer.alloc(16, type);
  const pad = authorityKeys.subarray(0, 128);
  const tickets = Buffer.concat([serverName, ticketRecord(0, 0x50 + type), ticketRecord(1, 0x60 + type)]);
  const payloads: readonly (readonly [group: number, command: number, payload: Buffer])[] = [
    [0, 0, Buffer.alloc(0)],
    [0, 1, Buffer.alloc(0)],
    [0, 2, admin],
    [0, 3, Buffer.alloc(0)],
    [4, 41, postPayload(keyId, serverName, pad, 3, 40)],
    [4, 42, Buffer.alloc(40)],
    [4, 43, getPayload(keyId)],
    [4, 44, serverName],
    [4, 44, Buffer.concat([serverName, Buffer.alloc(8, 0x77)])],
    [4, 45, tickets],
  ];
  const coins = [holder, second].slice(0, type === 0 ? 0 : type === 5 ? 2 : 1);
  return payloads.map(([group, command, payload]) => {
    const request: WireRequest = { group, command, payload, type, coins };
    return { request, bytes: buildRequest(request) };
  });
});

const mutation = fc.record({
  one: fc.constantFrom(...sound),
  other: fc.constantFrom(...sound),
  edits: fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 4 }),
  place: fc.nat(),
  otherPlace: fc.nat(),
  size: fc.oneof(fc.nat(0xffff), fc.nat(300)),
  more: fc.uint8Array({ minLength: 1, maxLength: 60 }),
});

type Mutation = typeof mutation extends fc.Arbitrary<infer T> ? T : never;

const kinds: readonly ((mutation: Mutation) => Buffer)[] = [
  ({ one, edits }) => flipped(one.bytes, edits),
  ({ one, place }) => one.bytes.subarray(0, place % one.bytes.length),
  ({ one, place, more }) => inserted(one.bytes, place, more),
  ({ one, place, otherPlace }) => withoutPart(one.bytes, place, otherPlace),
  ({ one, size, other }) => Buffer.concat([announcing(one.bytes, size), other.bytes]),
  ({ one, other, place, otherPlace }) =>
    Buffer.concat([
      one.bytes.subarray(0, place % one.bytes.length),
      other.bytes.subarray(otherPlace % other.bytes.length),
    ]),
  ({ one, other, edits }) => Buffer.concat([flipped(one.bytes, edits), other.bytes]),
  // A holder of the coin who means no good: the envelope is sound, what lies in it is not.
  ({ one, edits }) => buildRequest({ ...one.request, payload: flipped(payloadOf(one), edits) }),
  ({ one, place, more }) => buildRequest({ ...one.request, payload: inserted(payloadOf(one), place, more) }),
  ({ one, place, otherPlace }) =>
    buildRequest({ ...one.request, payload: withoutPart(payloadOf(one), place, otherPlace) }),
];

export const mutatedPacket: fc.Arbitrary<Buffer> = fc
  .tuple(fc.constantFrom(...kinds), mutation)
  .map(([mutate, each]) => mutate(each));

const isModern = (bytes: Buffer, start = 0) => (bytes[start + 16] ?? 0) >= 4 && (bytes[start + 16] ?? 0) <= 5;

/** For each whole request of a stream, as the protocol's tables cut it, whether its reply has the modern header. */
export function repliesOf(stream: Buffer): boolean[] {
  const replies: boolean[] = [];
  for (let start = 0; start + 32 <= stream.length; ) {
    const modern = isModern(stream, start);
    if (modern && start + 48 > stream.length) break;
    replies.push(modern);
    start += (modern ? 48 : 32) + stream.readUInt16BE(start + (modern ? 17 : 22));
  }
  return replies;
}

function payloadOf({ request }: Sound): Buffer {
  return request.payload ?? Buffer.alloc(0);
}

function flipped(bytes: Buffer, edits: readonly [number, number][]): Buffer {
  const copy = Buffer.from(bytes);
  if (copy.length === 0) return copy;
  for (const [place, mask] of edits) {
    const at = place % copy.length;
    copy[at] = (copy[at] ?? 0) ^ mask;
  }
  return copy;
}

function inserted(bytes: Buffer, place: number, more: Uint8Array): Buffer {
  const at = place % (bytes.length + 1);
  return Buffer.concat([bytes.subarray(0, at), more, bytes.subarray(at)]);
}

function withoutPart(bytes: Buffer, from: number, to: number): Buffer {
  const [start = 0, end = 0] = [from, to].map((place) => place % (bytes.length + 1)).sort((one, two) => one - two);
  return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]);
}

function announcing(bytes: Buffer, size: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt16BE(size, isModern(copy) ? 17 : 22);
  return copy;
}
