/** How a request is sealed: byte 16 of its header. */
export const EncryptionType = {
  none: 0,
  /** AES-128-CTR under the coin's authentication number. */
  coin: 1,
  /** A locker's key; this node has no lockers (Q9). */
  locker: 2,
  /** AES-256-CTR and HMAC under the hash of one coin's authentication number. */
  coinHashed: 4,
  /** The same under the hash of two coins' authentication numbers. */
  twoCoinsHashed: 5,
} as const;

export type EncryptionType = (typeof EncryptionType)[keyof typeof EncryptionType];

/** Types 4 and 5 have the longer header, an HMAC and no challenge. */
export function isModern(encryptionType: number): boolean {
  return encryptionType === EncryptionType.coinHashed || encryptionType === EncryptionType.twoCoinsHashed;
}
