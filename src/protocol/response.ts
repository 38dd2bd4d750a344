import { Buffer } from 'node:buffer';
import { i8, u8, u16, u24, u32 } from '../bytes/numbers.ts';
import { bytes, slice, struct } from '../bytes/struct.ts';
import { openLegacyReply, openModernReply, ReplyError } from './body.ts';
import { challengeSize } from './challenge.ts';
import { isModern } from './encryption-type.ts';
import type { RequestHeader } from './request-header.ts';

/** Header of a reply to types 0, 1 and 2. */
export const legacyResponseHeader = struct({
  raidaId: u8,
  shardId: u8,
  status: u8,
  commandGroup: u8,
  frameCount: u16,
  echo: u16,
  blank: u8,
  bodySize: u24,
  executionTimeUs: u32,
  signature: bytes(16),
});

/** Header of a reply to types 4 and 5. Its nonce seals the body and ends in the request's last two nonce bytes. */
export const modernResponseHeader = struct({
  raidaId: u8,
  shardId: u8,
  status: u8,
  commandGroup: u8,
  executionTimeUs: u32,
  blank: u8,
  bodySize: u24,
  presentation: u32,
  encryptionType: u8,
  denomination: i8,
  serialNumber: u32,
  spare: u16,
  nonce: slice(22),
  echo: u16,
});

const legacyNonce = struct({ start: bytes(6), echo: u16 });
const modernNonce = struct({ start: bytes(22), echo: u16 });

const modernNonceStart = modernResponseHeader.size - 24;
export const noSignature = Buffer.alloc(challengeSize);

/** What a reply repeats of its request's nonce. */
export function echoOf({ encryptionType, nonce }: RequestHeader): number {
  return (isModern(encryptionType) ? modernNonce : legacyNonce).at.echo.get(nonce.buffer, nonce.start);
}

/** A reply as its reader sees it. */
export interface DecodedReply {
  readonly status: number;
  readonly payload: Buffer;
  readonly signature: Buffer;
}

/** Size in bytes of the header of the reply to `request`. */
export function responseHeaderSize(request: RequestHeader): number {
  return isModern(request.encryptionType) ? modernResponseHeader.size : legacyResponseHeader.size;
}

/** Size in bytes of the body that follows a whole response header. */
export function responseBodySize(request: RequestHeader, header: Buffer): number {
  return (isModern(request.encryptionType) ? modernResponseHeader : legacyResponseHeader).at.bodySize.get(header, 0);
}

/** Opens a whole reply. Throws where its terminator, its HMAC or its echo do not fit the request. */
export function decodeReply(request: RequestHeader, key: Buffer | undefined, reply: Buffer): DecodedReply {
  const headerSize = responseHeaderSize(request);
  const layout = isModern(request.encryptionType) ? modernResponseHeader : legacyResponseHeader;
  if (layout.at.echo.get(reply, 0) !== echoOf(request)) throw new ReplyError('answers another request');
  const body = reply.subarray(headerSize);
  const status = layout.at.status.get(reply, 0);
  if (isModern(request.encryptionType)) {
    const nonce = reply.subarray(modernNonceStart);
    return { status, payload: openModernReply(key, nonce, body), signature: noSignature };
  }
  const signature = legacyResponseHeader.at.signature.get(reply, 0);
  return { status, payload: openLegacyReply(key, request.nonce, body), signature };
}
