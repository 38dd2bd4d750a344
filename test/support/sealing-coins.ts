import { buildRequest, coinBytes, postPayload } from './wire.ts';

/** Two coins that seal requests, and a stored key that these ask for. */
export const coin = { denomination: 2, serialNumber: 77, secret: Buffer.alloc(16, 0xc2) };
export const other = { denomination: 2, serialNumber: 78, secret: Buffer.alloc(16, 0xd3) };

/** What `restoreFirstHalf` may make of the first one's secret. */
export const half = Buffer.alloc(8, 0xee);
export const restored = { ...coin, secret: Buffer.concat([half, coin.secret.subarray(8)]) };

export const keyId = Buffer.alloc(16, 7);
const key = Buffer.from('a key of the chat, of some length');
export const post = buildRequest({
  group: 4,
  command: 41,
  payload: postPayload(keyId, coinBytes(2, 77), Buffer.concat([key, Buffer.alloc(128 - key.length)]), 0, key.length),
});
/** What a get key is answered. */
export const fetched = Buffer.concat([coinBytes(2, 77), key]);
