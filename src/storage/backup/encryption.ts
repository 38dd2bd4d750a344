import { Buffer } from 'node:buffer';
import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from 'node:crypto';
import { closeSync, createReadStream, createWriteStream, openSync, readSync, statSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { u8, u32 } from '../../bytes/numbers.ts';
import { bytes, struct } from '../../bytes/struct.ts';
import { BackupError } from './container.ts';

/** An encrypted backup: header, the backup under AES-256-GCM with the header as context, tag. The key comes by scrypt. */
const headerLayout = struct({
  mark: bytes(16),
  costLog2: u8,
  blockSize: u32,
  parallel: u32,
  salt: bytes(16),
  nonce: bytes(12),
});
const headerMark = Buffer.from('raida-node-enc1\n', 'ascii');
const tagSize = 16;
const keySize = 32;

const scryptCostLog2 = 15;
const scryptCostLog2Max = 20;
const scryptBlockSize = 8;
const scryptParallel = 1;

export function isEncrypted(file: string): boolean {
  const descriptor = openSync(file, 'r');
  try {
    const start = Buffer.alloc(headerMark.length);
    readSync(descriptor, start, 0, start.length, 0);
    return start.equals(headerMark);
  } finally {
    closeSync(descriptor);
  }
}

export async function encryptFile(from: string, to: string, passphrase: string): Promise<void> {
  const header = headerLayout.encode({
    mark: headerMark,
    costLog2: scryptCostLog2,
    blockSize: scryptBlockSize,
    parallel: scryptParallel,
    salt: randomBytes(16),
    nonce: randomBytes(12),
  });
  const { salt, nonce } = headerLayout.decode(header);
  const cipher = createCipheriv('aes-256-gcm', keyOf(passphrase, salt, scryptCostLog2), nonce);
  cipher.setAAD(header);
  const target = createWriteStream(to, { mode: 0o600, flags: 'wx' });
  target.write(header);
  await pipeline(createReadStream(from, { highWaterMark: 1 << 20 }), cipher, target, { end: false });
  await new Promise<void>((resolve, reject) => {
    target.on('error', reject);
    target.end(cipher.getAuthTag(), resolve);
  });
}

/** Throws BackupError where the passphrase or a single bit is wrong; `to` must not be used then. */
export async function decryptFile(from: string, to: string, passphrase: string): Promise<void> {
  const { size } = statSync(from);
  if (size < headerLayout.size + tagSize) throw new BackupError(`${from} is damaged: its end is missing`);
  const header = readAt(from, 0, headerLayout.size);
  const { salt, nonce, costLog2, blockSize, parallel } = headerLayout.decode(header);
  if (costLog2 > scryptCostLog2Max || blockSize !== scryptBlockSize || parallel !== scryptParallel) {
    throw new BackupError(`${from} is damaged: its header makes no sense`);
  }
  const decipher = createDecipheriv('aes-256-gcm', keyOf(passphrase, salt, costLog2), nonce);
  decipher.setAAD(header);
  decipher.setAuthTag(readAt(from, size - tagSize, tagSize));
  const source = createReadStream(from, { start: headerLayout.size, end: size - tagSize - 1, highWaterMark: 1 << 20 });
  try {
    await pipeline(source, decipher, createWriteStream(to, { mode: 0o600, flags: 'wx' }));
  } catch (error) {
    if (
      (error as NodeJS.ErrnoException).code !== undefined &&
      !String((error as NodeJS.ErrnoException).code).startsWith('ERR_')
    )
      throw error;
    throw new BackupError(`${from} cannot be opened: the passphrase is wrong or the file is damaged`);
  }
}

function keyOf(passphrase: string, salt: Buffer, costLog2: number): Buffer {
  const cost = 2 ** costLog2;
  return scryptSync(passphrase, salt, keySize, {
    N: cost,
    r: scryptBlockSize,
    p: scryptParallel,
    maxmem: 256 * cost * scryptBlockSize,
  });
}

function readAt(file: string, position: number, size: number): Buffer {
  const descriptor = openSync(file, 'r');
  try {
    const buffer = Buffer.alloc(size);
    readSync(descriptor, buffer, 0, size, position);
    return buffer;
  } finally {
    closeSync(descriptor);
  }
}
