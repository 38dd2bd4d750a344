import { describe, expect, it } from 'vitest';
import { programVersion } from '../../src/version.ts';
import { Exchange, openStore } from '../support/harness.ts';
import {
  bytesOf,
  coinOf,
  contentOf,
  directoryOf,
  hex,
  type Labelled,
  randomOf,
  readVectors,
  type Vector,
  vectorFiles,
  wantedContent,
} from '../support/vector.ts';
import { masked, openModernReply, readReply, type WireCoin } from '../support/wire.ts';

/** Every vector through dispatch: reply and database, byte for byte. A failure names the field, not an offset. */
function expectLabelled(actual: Buffer, wanted: Labelled): void {
  let position = 0;
  for (const [label, bytes] of wanted) {
    const size = bytes.length / 2;
    expect(`${label}: ${actual.subarray(position, position + size).toString('hex')}`).toBe(`${label}: ${bytes}`);
    position += size;
  }
  expect(actual.length, 'size of the reply').toBe(position);
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

describe.each(vectorFiles)('%s', (file) => {
  it.each(readVectors(file))('$name $rules', (vector) => {
    const store = openStore(directoryOf(vector));
    const exchange = new Exchange(store, { random: randomOf(vector), settings: vector.settings ?? '' });
    for (const request of vector.before ?? []) exchange.one(bytesOf(request));
    const request = bytesOf(vector.request);
    expectReply(vector, request, exchange.one(request));
    expect(contentOf(vector, store)).toEqual(wantedContent(vector));
  });
});
