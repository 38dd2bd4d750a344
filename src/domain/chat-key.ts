import { Buffer } from 'node:buffer';
import { type Coin, coinLayout } from './coin.ts';

export const keyIdSize = 16;
export const keySizeMax = 127;

/** A key left for chat partners: who it is said to belong to, and the key itself. */
export interface ChatKey {
  readonly coin: Coin;
  readonly key: Buffer;
}

/** Denomination, serial number, key: the Get Key payload and a deployed server's key file are the same bytes. */
export function encodeChatKey({ coin, key }: ChatKey): Buffer {
  const bytes = Buffer.allocUnsafe(coinLayout.size + key.length);
  coinLayout.write(bytes, 0, coin);
  bytes.set(key, coinLayout.size);
  return bytes;
}

/** Reads a key file; otherwise says why not, as a short reason. */
export function decodeChatKey(file: Buffer): ChatKey | string {
  if (file.length < coinLayout.size) return `is ${file.length} bytes long, at least ${coinLayout.size} are needed`;
  const key = Buffer.from(file.subarray(coinLayout.size));
  if (key.length > keySizeMax) return `holds a key of ${key.length} bytes, at most ${keySizeMax} are possible`;
  return { coin: coinLayout.decode(file.subarray(0, coinLayout.size)), key };
}
