import { createCipheriv, createHash, createHmac } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { watchSecret } from './watched.ts';

/**
 * Requests and replies built and read byte by byte, straight from the protocol's tables and without a line of src: what
 * proves an encoder must not be that encoder.
 */
export const terminator = Buffer.from([0x3e, 0x3e]);

export interface WireCoin {
  readonly denomination: number;
  readonly serialNumber: number;
  readonly secret: Buffer;
}

export interface WireRequest {
  readonly raidaId?: number;
  readonly coinId?: number;
  readonly version?: number;
  readonly group: number;
  readonly command: number;
  readonly type?: 0 | 1 | 2 | 4 | 5;
  readonly coins?: readonly WireCoin[];
  readonly nonce?: Buffer;
  readonly challenge?: Buffer;
  readonly payload?: Buffer;
  /** Replaces the whole body, for requests that are wrong on purpose. */
  readonly body?: Buffer;
}

export function coinBytes(denomination: number, serialNumber: number): Buffer {
  const bytes = Buffer.alloc(5);
  bytes.writeInt8(denomination, 0);
  bytes.writeUInt32BE(serialNumber, 1);
  return bytes;
}

export function challengeOf(random: Buffer): Buffer {
  const bytes = Buffer.alloc(16);
  random.copy(bytes, 0, 0, 12);
  bytes.writeUInt32BE(crc32(bytes.subarray(0, 12)), 12);
  return bytes;
}

export function ctr(key: Buffer, counter: Buffer, text: Buffer): Buffer {
  const cipher = createCipheriv(key.length === 16 ? 'aes-128-ctr' : 'aes-256-ctr', key, counter);
  return Buffer.concat([cipher.update(text), cipher.final()]);
}

export function modernKey(coins: readonly WireCoin[]): Buffer {
  return createHash('sha256')
    .update(Buffer.concat(coins.map((coin) => coin.secret)))
    .digest();
}

export const defaultChallenge = challengeOf(Buffer.from('000102030405060708090a0b', 'hex'));
export const legacyNonce = Buffer.from('a0a1a2a3a4a5a6a7', 'hex');
export const modernNonce = Buffer.from('303132333435363738393a3b3c3d3e3f4041424344454647', 'hex');

export function buildRequest(request: WireRequest): Buffer {
  const { type = 0, coins = [] } = request;
  const modern = type === 4 || type === 5;
  const header = Buffer.alloc(modern ? 48 : 32);
  const nonce = Buffer.from(request.nonce ?? (modern ? modernNonce : legacyNonce));
  const [first, second] = coins;
  if (type === 5 && second !== undefined) coinBytes(second.denomination, second.serialNumber).copy(nonce, 0);
  const body = request.body ?? buildBody(request, nonce);
  header[0] = request.version ?? 1;
  header[2] = request.raidaId ?? 14;
  header[4] = request.group;
  header[5] = request.command;
  header.writeUInt16BE(request.coinId ?? 6, 6);
  header[16] = type;
  if (first !== undefined) coinBytes(first.denomination, first.serialNumber).copy(header, modern ? 19 : 17);
  header.writeUInt16BE(body.length, modern ? 17 : 22);
  nonce.copy(header, 24, 0, modern ? 24 : 8);
  return Buffer.concat([header, body]);
}

function buildBody(request: WireRequest, nonce: Buffer): Buffer {
  const { type = 0, coins = [], payload = Buffer.alloc(0), challenge = defaultChallenge } = request;
  if (type === 4 || type === 5) {
    const key = modernKey(coins);
    const sealed = ctr(key, nonce.subarray(0, 16), payload);
    return Buffer.concat([sealed, createHmac('sha256', key).update(sealed).digest(), terminator]);
  }
  const clear = Buffer.concat([challenge, payload]);
  const secret = coins[0]?.secret;
  if (type === 0 || secret === undefined) return Buffer.concat([clear, terminator]);
  return Buffer.concat([ctr(secret, Buffer.concat([nonce.subarray(0, 8), Buffer.alloc(8)]), clear), terminator]);
}

export interface WireReply {
  readonly raidaId: number;
  readonly status: number;
  readonly group: number;
  readonly echo: string;
  readonly signature: string;
  readonly body: Buffer;
  readonly whole: Buffer;
}

/** Cuts the first reply off a stream; undefined while it is not whole. */
export function readReply(stream: Buffer, modern = false): WireReply | undefined {
  const headerSize = modern ? 48 : 32;
  if (stream.length < headerSize) return undefined;
  const size = headerSize + stream.readUIntBE(9, 3);
  if (stream.length < size) return undefined;
  const whole = Buffer.from(stream.subarray(0, size));
  return {
    raidaId: whole.readUInt8(0),
    status: whole.readUInt8(2),
    group: whole.readUInt8(3),
    echo: whole.subarray(modern ? 46 : 6, modern ? 48 : 8).toString('hex'),
    signature: modern ? '' : whole.subarray(16, 32).toString('hex'),
    body: whole.subarray(headerSize),
    whole,
  };
}

/** The payload of a type 4 or 5 reply; throws where terminator or HMAC are wrong. */
export function openModernReply(reply: WireReply, coins: readonly WireCoin[]): Buffer {
  const key = modernKey(coins);
  const sealed = reply.body.subarray(0, reply.body.length - 34);
  const hmac = reply.body.subarray(reply.body.length - 34, reply.body.length - 2);
  if (!reply.body.subarray(-2).equals(terminator)) throw new Error('no terminator');
  if (!createHmac('sha256', key).update(sealed).digest().equals(hmac)) throw new Error('wrong HMAC');
  return ctr(key, reply.whole.subarray(24, 40), sealed);
}

/** A reply with its execution time masked, as hexadecimal. */
export function masked(reply: Buffer, modern = false): string {
  const copy = Buffer.from(reply);
  copy.fill(0, modern ? 4 : 12, modern ? 8 : 16);
  return copy.toString('hex');
}

export function postPayload(keyId: Buffer, coin: Buffer, pad: Buffer, start: number, size: number): Buffer {
  watchSecret(pad.subarray(start, start + size));
  return Buffer.concat([keyId, Buffer.alloc(16), coin, pad, Buffer.from([start, size])]);
}

export function getPayload(keyId: Buffer): Buffer {
  return Buffer.concat([keyId, Buffer.alloc(21)]);
}
