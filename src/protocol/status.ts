/** The status byte of a reply. Names and numbers are the specification's; only those that this node sends are listed. */
export const Status = {
  NO_ERROR: 0,
  INVALID_SPLIT_ID: 2,
  INVALID_RAIDA_ID: 3,
  INVALID_SHARD_ID: 4,
  INVALID_COMMAND_GROUP: 5,
  INVALID_COMMAND: 6,
  INVALID_COIN_ID: 7,
  INVALID_PACKET_LENGTH: 16,
  ENCRYPTION_COIN_NOT_FOUND: 25,
  INVALID_ENCRYPTION_CODE: 27,
  INVALID_EOF: 33,
  INVALID_ENCRYPTION: 34,
  EMPTY_REQUEST: 36,
  INVALID_CRC: 37,
  ADMIN_AUTH: 38,
  COINS_NOT_DIV: 39,
  INVALID_SN_OR_DENOMINATION: 40,
  FILESYSTEM: 194,
  INVALID_KEY_LENGTH: 196,
  COIN_LOAD: 197,
  FILE_EXISTS: 201,
  INVALID_HMAC: 204,
  SUCCESS: 250,
  INTERNAL: 252,
  INVALID_ROUTING: 255,
} as const;

export type Status = (typeof Status)[keyof typeof Status];

const names = new Map<number, string>(Object.entries(Status).map(([name, code]) => [code, name]));

/** `INVALID_CRC` for 37; a number that this node never sends is shown as it is. */
export function statusName(code: number): string {
  return names.get(code) ?? String(code);
}

/** Whether the request was carried out (Q17: Encrypt Key says 0, everything else 250). */
export function isSuccess(code: number): boolean {
  return code === Status.NO_ERROR || code === Status.SUCCESS;
}
