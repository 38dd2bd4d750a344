import { hexByte } from '../bytes/hex.ts';
import { i8, u8, u16, u32 } from '../bytes/numbers.ts';
import { bytes, reserved, struct } from '../bytes/struct.ts';
import { authenticationNumberSize, type Coin, raidaCount, sameCoin } from './coin.ts';

/** An encryption coin file: a header of 40 bytes with the coin id, then 25 keys of 16 bytes, one for each RAIDA. */
const fileLayout = struct({
  head: reserved(2),
  coinId: u16,
  rest: reserved(36),
  keys: bytes(raidaCount * authenticationNumberSize),
});

/** The published wallet format: file header, coin header, the same 25 authentication numbers. */
const walletLayout = struct({
  format: u8,
  fileVersion: u8,
  coinId: u16,
  fileHeader: reserved(28),
  splitId: u8,
  shardId: u8,
  denomination: i8,
  serialNumber: u32,
  keys: bytes(raidaCount * authenticationNumberSize),
});

const walletFormat = 9;

export const encryptionCoinFileSize = fileLayout.size;

export class EncryptionCoin {
  readonly #keys: Buffer;

  private constructor(keys: Buffer) {
    this.#keys = keys;
  }

  /** Reads a file of exactly 440 bytes for the given network; otherwise says why not, as a short reason. */
  static parse(file: Buffer, coinId: number): EncryptionCoin | string {
    if (file.length !== fileLayout.size) return `is ${file.length} bytes long, not ${fileLayout.size}`;
    const parsed = fileLayout.decode(file);
    if (parsed.coinId !== coinId) return `names coin id ${parsed.coinId}, not ${coinId}`;
    return new EncryptionCoin(parsed.keys);
  }

  /** The key shared with one RAIDA: 16 bytes at 16 times its number (Q2). */
  key(authority: number): Buffer {
    return this.#keys.subarray(authority * authenticationNumberSize, (authority + 1) * authenticationNumberSize);
  }
}

/** File names to look for in coins/, the one with the hexadecimal denomination first (Q12). */
export function encryptionCoinFileNames(coin: Coin): [hex: string, decimal: string] {
  return [`${hexByte(coin.denomination)}.${coin.serialNumber}.bin`, `${coin.denomination}.${coin.serialNumber}.bin`];
}

/** The coins that a file name can stand for: two hex digits first, then a decimal denomination. */
export function coinsOfFileName(name: string): Coin[] {
  const match = /^(-?[0-9a-f]{1,2})\.(0|[1-9]\d{0,9})\.bin$/.exec(name);
  const [, denominationText = '', serialText = ''] = match ?? [];
  if (match === null) return [];
  const serialNumber = Number(serialText);
  const readings: Coin[] = [];
  if (/^[0-9a-f]{2}$/.test(denominationText)) {
    readings.push({ denomination: (Number.parseInt(denominationText, 16) << 24) >> 24, serialNumber });
  }
  if (/^-?\d+$/.test(denominationText)) readings.push({ denomination: Number(denominationText), serialNumber });
  return readings.filter((coin) => encryptionCoinFileNames(coin).includes(name));
}

/** Rewrites a wallet file as an encryption coin file if its header names this very coin (Q20); otherwise the reason why not. */
export function convertWalletFile(file: Buffer, coin: Coin, coinId: number): Buffer | string {
  if (file.length !== walletLayout.size)
    return `is ${file.length} bytes long, neither ${fileLayout.size} nor ${walletLayout.size}`;
  const wallet = walletLayout.decode(file);
  if (wallet.format !== walletFormat)
    return `has ${walletLayout.size} bytes but is not in wallet format ${walletFormat}`;
  if (wallet.coinId !== coinId) return `names coin id ${wallet.coinId}, not ${coinId}`;
  if (!sameCoin(wallet, coin)) return 'names another coin in its header';
  return fileLayout.encode({ coinId, keys: wallet.keys });
}

export function isEncryptionCoinFileName(name: string): boolean {
  return coinsOfFileName(name).length > 0;
}

/** The bytes of an encryption coin file that holds the given 25 keys of 16 bytes. */
export function encodeEncryptionCoinFile(coinId: number, keys: Buffer): Buffer {
  return fileLayout.encode({ coinId, keys });
}
