import { i8, u8, u16, u32 } from '../bytes/numbers.ts';
import { bytes, struct } from '../bytes/struct.ts';
import { keyIdSize } from '../domain/chat-key.ts';
import { authenticationNumberSize } from '../domain/coin.ts';
import { halfSize } from '../domain/coin-page.ts';
import { ticketSize } from '../protocol/ticket.ts';

/** Payloads as a client writes and reads them; the node has its own description of each, in the file of its command. */
const coin = { denomination: i8, serialNumber: u32 };

export const coinPayload = struct(coin);
export const ticketPayload = struct({ ...coin, part: bytes(halfSize) });

export const postKeyPayload = struct({
  keyId: bytes(keyIdSize),
  clientAddress: bytes(16),
  ...coin,
  pad: bytes(128),
  keyStart: u8,
  keySize: u8,
});

export const getKeyPayload = struct({ keyId: bytes(keyIdSize), ...coin, clientAddress: bytes(16) });

export const ticketRecordPayload = struct({
  coinId: u16,
  splitId: u8,
  authority: u8,
  shardId: u8,
  ...coin,
  ticket: bytes(ticketSize),
});

export const statisticsPayload = struct({ uptimeSeconds: u32, requests: u32, detects: u32, powns: u32, failures: u32 });
export const coinCountPayload = struct({ denomination: i8, inUse: u32 });
export const sessionKeyPayload = struct({ sealed: bytes(authenticationNumberSize) });
