import { buildRequest, coinBytes, ctr } from './wire.ts';

/** A coin that a node shares with all others under one key, and requests that restore half of a number by its tickets. */
const authorityKey = Buffer.alloc(16, 0x61);

/** Files of a node for which `restoreFirstHalf` works. */
export const encryptionCoinFiles = {
  '01.300.bin': Buffer.concat([
    Buffer.from('09010006', 'hex'),
    Buffer.alloc(36),
    Buffer.concat(Array.from({ length: 25 }, () => authorityKey)),
  ]),
};

/** Replaces the first half of a coin's authentication number. */
export function restoreFirstHalf(coin: { denomination: number; serialNumber: number }, half: Buffer): Buffer {
  const { denomination, serialNumber } = coin;
  const nonce = Buffer.alloc(8, 0x77);
  const bytes = coinBytes(denomination, serialNumber);
  const clear = Buffer.concat([half, bytes, Buffer.alloc(2), Buffer.from([0xff])]);
  const ticket = ctr(authorityKey, Buffer.concat([nonce, Buffer.alloc(8)]), clear);
  const record = Buffer.concat([Buffer.from('0006000300', 'hex'), bytes, ticket]);
  return buildRequest({ group: 4, command: 45, nonce, payload: Buffer.concat([coinBytes(1, 300), record]) });
}
