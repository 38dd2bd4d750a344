import fc from 'fast-check';
import { buildRequest } from '../../support/wire.ts';
import { type SoundRequest, soundRequests } from './sound-requests.ts';

/** What becomes of sound requests on a bad line or in bad hands. */
const mutation = fc.record({
  one: fc.constantFrom(...soundRequests),
  other: fc.constantFrom(...soundRequests),
  edits: fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 4 }),
  place: fc.nat(),
  otherPlace: fc.nat(),
  size: fc.oneof(fc.nat(0xffff), fc.nat(300)),
  more: fc.uint8Array({ minLength: 1, maxLength: 60 }),
  // Mostly new: under a nonce that has been used nearly everything is refused for that alone.
  nonce: fc.oneof(
    { weight: 7, arbitrary: fc.noBias(fc.uint8Array({ minLength: 24, maxLength: 24 })) },
    { weight: 1, arbitrary: fc.constant(undefined) },
  ),
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
  .map(([mutate, each]) => mutate({ ...each, one: under(each.one, each.nonce), other: under(each.other, each.nonce) }));

/** The same request under another nonce. */
function under({ request }: SoundRequest, nonce: Uint8Array | undefined): SoundRequest {
  const changed = nonce === undefined ? request : { ...request, nonce: Buffer.from(nonce) };
  return { request: changed, bytes: buildRequest(changed) };
}

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

function payloadOf({ request }: SoundRequest): Buffer {
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
