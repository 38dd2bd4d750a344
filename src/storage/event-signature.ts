import { Buffer } from 'node:buffer';
import { createPrivateKey, createPublicKey, hkdfSync, type KeyObject, sign, verify } from 'node:crypto';
import type { Database } from 'better-sqlite3';
import { readSealingKey } from './settings.ts';

/**
 * The node's signature under what leaves it: Ed25519, its private key derived from the sealing key, which only the node's
 * database holds. A chain alone can be computed anew by whoever changes it; a signature cannot.
 */
const purpose = 'raida-node event signature 1';
const seedSize = 32;
/** PKCS #8 of an Ed25519 key, up to the seed (RFC 8410). */
const privatePrefix = Buffer.from('302e020100300506032b657004220420', 'hex');
/** SubjectPublicKeyInfo of one, up to the 32 bytes of the key. */
const publicPrefix = Buffer.from('302a300506032b6570032100', 'hex');

export interface Signer {
  /** 32 bytes, in hexadecimal: what a verifier should know beforehand. */
  readonly publicKey: string;
  sign(content: Buffer): string;
}

export function signerOf(database: Database): Signer {
  const sealingKey = readSealingKey(database);
  if (sealingKey === undefined) throw new Error('the database has no sealing key');
  const seed = Buffer.from(hkdfSync('sha256', sealingKey, Buffer.alloc(0), purpose, seedSize));
  const key = createPrivateKey({ key: Buffer.concat([privatePrefix, seed]), format: 'der', type: 'pkcs8' });
  return {
    publicKey: rawPublicKey(createPublicKey(key)),
    sign: (content) => sign(null, content, key).toString('hex'),
  };
}

/** Whether `signature` is that of the holder of `publicKey` under `content`; false for anything malformed. */
export function isSignedBy(publicKey: string, content: Buffer, signature: string): boolean {
  try {
    const der = Buffer.concat([publicPrefix, Buffer.from(publicKey, 'hex')]);
    const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
    return verify(null, content, key, Buffer.from(signature, 'hex'));
  } catch {
    return false;
  }
}

function rawPublicKey(key: KeyObject): string {
  return key.export({ format: 'der', type: 'spki' }).subarray(publicPrefix.length).toString('hex');
}
