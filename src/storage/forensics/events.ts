import type { Database } from 'better-sqlite3';

export interface EventRecord {
  readonly sequence: number;
  readonly time: number;
  readonly action: string;
  readonly status: number | null;
  readonly reason: string | null;
  readonly encryptionType: number | null;
  readonly denomination: number | null;
  readonly serialNumber: number | null;
  readonly encryptionDenomination: number | null;
  readonly encryptionSerialNumber: number | null;
  readonly secondDenomination: number | null;
  readonly secondSerialNumber: number | null;
  readonly keyId: Buffer | null;
  readonly address: string | null;
  readonly details: string | null;
  readonly hash: Buffer;
}

export interface ReconstructionRecord {
  readonly event: number;
  readonly position: number;
  readonly denomination: number;
  readonly serialNumber: number;
  readonly splitId: number;
  readonly authority: number;
  readonly reason: string | null;
  /** Whether what was replaced is kept, so that it can be put back. */
  readonly revertible: number;
}

export const eventColumns = `sequence, time, action, status, reason, encryption_type AS encryptionType, denomination,
  serial_number AS serialNumber, encryption_denomination AS encryptionDenomination,
  encryption_serial_number AS encryptionSerialNumber, second_denomination AS secondDenomination,
  second_serial_number AS secondSerialNumber, key_id AS keyId, address, details, hash`;

/** What became of each record of a Decrypt RAIDA Key. */
export function reconstructionsOf(database: Database, event: number): ReconstructionRecord[] {
  return database
    .prepare<[number], ReconstructionRecord>(
      `SELECT event, position, denomination, serial_number AS serialNumber, split_id AS splitId, authority, reason,
         previous IS NOT NULL AS revertible
       FROM reconstructions WHERE event = ? ORDER BY position`,
    )
    .all(event);
}
