import type { GivenCoin } from '../../support/harness.ts';
import { buildRequest, coinBytes, ctr, getPayload, postPayload, type WireRequest } from '../../support/wire.ts';

/** Valid requests of all nine commands under the types 0, 1, 4 and 5, to a node that holds what they need. */
const holder: GivenCoin = { denomination: 2, serialNumber: 77, secret: Buffer.alloc(16, 0x11) };
const second: GivenCoin = { denomination: -3, serialNumber: 5, secret: Buffer.alloc(16, 0x22) };
const server: GivenCoin = { denomination: 1, serialNumber: 300, secret: Buffer.alloc(16, 0x33) };
const authorityKeys = Buffer.from(Array.from({ length: 400 }, (_, index) => (index * 13) & 0xff));
const serverName = coinBytes(server.denomination, server.serialNumber);
const admin = Buffer.alloc(16, 0xad);

/** What that node holds. */
export const knownCoins: readonly GivenCoin[] = [holder, second, server];
export const knownFiles = {
  '01.300.bin': Buffer.concat([Buffer.from('09010006', 'hex'), Buffer.alloc(36), authorityKeys]),
};
export const adminKey = admin.toString('hex');

/** One record of a Decrypt RAIDA Key, its ticket sealed as a helper would. */
function ticketRecord(splitId: number, part: Buffer): Buffer {
  const target = coinBytes(2, 78);
  const clear = Buffer.concat([part, target, Buffer.from('1234ff', 'hex')]);
  const sealed = ctr(authorityKeys.subarray(48, 64), Buffer.alloc(16), clear);
  return Buffer.concat([Buffer.from([0, 6, splitId, 3, 0]), target, sealed]);
}

export interface SoundRequest {
  readonly request: WireRequest;
  readonly bytes: Buffer;
}

export const encryptionTypes = [0, 1, 4, 5] as const;

/** One request for each command and form, in an order in which all are carried out. `number` makes key, tickets and nonces new. */
export function requestsOf(type: (typeof encryptionTypes)[number], number: number): SoundRequest[] {
  const keyId = Buffer.alloc(16, type);
  keyId.writeUInt32BE(number, 8);
  const part = keyId.subarray(8);
  const tickets = Buffer.concat([serverName, ticketRecord(0, part), ticketRecord(1, part)]);
  const payloads: readonly (readonly [group: number, command: number, payload: Buffer])[] = [
    [0, 0, Buffer.alloc(0)],
    [0, 1, Buffer.alloc(0)],
    [0, 2, admin],
    [0, 3, Buffer.alloc(0)],
    [4, 41, postPayload(keyId, serverName, authorityKeys.subarray(0, 128), 3, 40)],
    [4, 42, Buffer.alloc(40)],
    [4, 43, getPayload(keyId)],
    [4, 44, serverName],
    [4, 44, Buffer.concat([serverName, part])],
    [4, 45, tickets],
  ];
  // New as well: the same nonce for other bytes is refused. Half of it is for type 5, whose second coin takes the beginning.
  const nonce = Buffer.alloc(24, 0x30);
  nonce.writeUInt32BE(number, 0);
  nonce.writeUInt32BE(number, 8);
  const coins = [holder, second].slice(0, type === 0 ? 0 : type === 5 ? 2 : 1);
  return payloads.map(([group, command, payload]) => {
    const request: WireRequest = { group, command, payload, type, coins, nonce };
    return { request, bytes: buildRequest(request) };
  });
}

export const soundRequests = encryptionTypes.flatMap((type) => requestsOf(type, 0));

/** How a node at peace answers them. */
export const expectedStatus = ({ request }: SoundRequest) => (request.command === 44 ? 0 : 250);
