import { Buffer } from 'node:buffer';
import { hash as digest } from 'node:crypto';
import type { Database, Statement } from 'better-sqlite3';
import type { Coin } from '../domain/coin.ts';
import { JsonDigest } from './json-digest.ts';

/** What happened, as the log wants to know it. Nothing here is ever a key, a session key or an authentication number. */
export interface EventEntry {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly action: string;
  readonly status?: number | undefined;
  readonly reason?: string | undefined;
  readonly encryptionType?: number | undefined;
  readonly claimedCoin?: Coin | undefined;
  readonly encryptionCoins?: readonly Coin[] | undefined;
  readonly keyId?: Buffer | undefined;
  /** Whether the key was handed out. */
  readonly fetched?: boolean | undefined;
  readonly address?: string | undefined;
  readonly details?: Readonly<Record<string, unknown>> | undefined;
  readonly reconstructions?: readonly Reconstruction[] | undefined;
}

/** The fate of one record of a Decrypt RAIDA Key. */
export interface Reconstruction {
  readonly coin: Coin;
  readonly splitId: number;
  readonly authority: number;
  /** Undefined for an accepted record. */
  readonly reason?: string | undefined;
  /** What an accepted record replaced, sealed. */
  readonly previous?: Buffer | undefined;
}

/** One half that an accepted record replaced, sealed. */
export interface Replaced {
  readonly coin: Coin;
  readonly splitId: number;
  readonly authority: number;
  readonly previous: Buffer;
}

/** The end of the chain. */
export interface EventHead {
  readonly sequence: number;
  readonly hash: Buffer;
  /** Milliseconds since 1970. */
  readonly time: number;
}

/** A row of the log as its hash covers it, in this order. */
export type EventRow = [
  sequence: number,
  time: number,
  action: string,
  status: number | null,
  reason: string | null,
  encryptionType: number | null,
  denomination: number | null,
  serialNumber: number | null,
  encryptionDenomination: number | null,
  encryptionSerialNumber: number | null,
  secondDenomination: number | null,
  secondSerialNumber: number | null,
  keyId: Buffer | null,
  address: string | null,
  details: string | null,
];

/** What of a row is not NULL for most events, and the hash. */
type UsualRow = [
  sequence: number,
  time: number,
  action: string,
  status: number | null,
  encryptionType: number | null,
  denomination: number | null,
  serialNumber: number | null,
  encryptionDenomination: number | null,
  encryptionSerialNumber: number | null,
  keyId: Buffer | null,
  address: string | null,
  hash: string,
];

/** One record of `reconstructions` as the hash of its event covers it. */
export type ReconstructionRow = [
  position: number,
  denomination: number,
  serialNumber: number,
  splitId: number,
  authority: number,
  reason: string | null,
  previous: Buffer | null,
];

/** What the first event follows. */
export const genesis: EventHead = { sequence: 0, hash: Buffer.alloc(32), time: 0 };

const text = new JsonDigest();

/**
 * The chain's rule: SHA-256 over the JSON text of one array: the hash before, the columns in their order, then an array
 * for each reconstruction. Blobs are lower-case hexadecimal, and so are the hashes here, which takes half the time of buffers.
 */
export function eventHash(before: string, row: EventRow, reconstructions: readonly ReconstructionRow[]): string {
  text.begin();
  text.mark('[');
  text.value(before);
  for (const value of row) {
    text.mark(',');
    text.value(value);
  }
  for (const record of reconstructions) {
    text.mark(',');
    record.forEach((value, index) => {
      text.mark(index === 0 ? '[' : ',');
      text.value(value);
    });
    text.mark(']');
  }
  text.mark(']');
  return text.finish();
}

/** The same for an event without reconstructions whose row is JSON already. */
export function writtenHash(before: string, row: string): string {
  return digest('sha256', `["${before}",${row.slice(1)}`, 'hex');
}

export class EventReader {
  readonly #selectHead: Statement<[], EventHead>;
  readonly #selectReplaced: Statement<[number], Omit<Replaced, 'coin'> & Coin>;

  constructor(database: Database) {
    this.#selectReplaced = database.prepare(
      `SELECT denomination, serial_number AS serialNumber, split_id AS splitId, authority, previous
       FROM reconstructions WHERE event = ? AND previous IS NOT NULL ORDER BY position DESC`,
    );
    this.#selectHead = database.prepare('SELECT sequence, hash, time FROM events ORDER BY sequence DESC LIMIT 1');
  }

  /** The newest event as it stands in the database. A log that was pruned always holds the record of that. */
  head(): EventHead {
    return this.#selectHead.get() ?? genesis;
  }

  /** What the accepted records of an event replaced, the last of them first. */
  replacedBy(event: number): Replaced[] {
    return this.#selectReplaced.all(event).map(({ denomination, serialNumber, ...record }) => ({
      coin: { denomination, serialNumber },
      ...record,
    }));
  }
}

export class EventWriter extends EventReader {
  readonly #insertUsual: Statement<UsualRow>;
  readonly #insertEvent: Statement<[...EventRow, string]>;
  readonly #insertReconstruction: Statement<[number, ...ReconstructionRow]>;
  #last: { readonly sequence: number; readonly hash: string } | undefined;

  constructor(database: Database) {
    super(database);
    // What the driver need not bind, it need not look at: a fifth less time for most events.
    this.#insertUsual = database.prepare(
      `INSERT INTO events (sequence, time, action, status, encryption_type, denomination, serial_number,
         encryption_denomination, encryption_serial_number, key_id, address, hash)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, unhex(?))`,
    );
    this.#insertEvent = database.prepare(
      `INSERT INTO events (sequence, time, action, status, reason, encryption_type, denomination, serial_number,
         encryption_denomination, encryption_serial_number, second_denomination, second_serial_number, key_id, address,
         details, hash)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, unhex(?))`,
    );
    this.#insertReconstruction = database.prepare(
      `INSERT INTO reconstructions (event, position, denomination, serial_number, split_id, authority, reason, previous)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    );
  }

  /** Appends to the chain. Returns its sequence number. */
  append(entry: EventEntry): number {
    const before = this.#last ?? this.#stored();
    const sequence = before.sequence + 1;
    const row = rowOf(entry, sequence);
    const records = entry.reconstructions?.map(reconstructionRowOf) ?? noRecords;
    const hash = eventHash(before.hash, row, records);
    this.#insert(row, hash);
    for (const record of records) this.#insertReconstruction.run(sequence, ...record);
    this.#last = { sequence, hash };
    return sequence;
  }

  #insert(row: EventRow, hash: string): void {
    const [
      sequence,
      time,
      action,
      status,
      reason,
      encryptionType,
      denomination,
      serialNumber,
      encryptionDenomination,
      encryptionSerialNumber,
      secondDenomination,
      ,
      keyId,
      address,
      details,
    ] = row;
    if (reason !== null || secondDenomination !== null || details !== null) {
      this.#insertEvent.run(...row, hash);
      return;
    }
    this.#insertUsual.run(
      sequence,
      time,
      action,
      status,
      encryptionType,
      denomination,
      serialNumber,
      encryptionDenomination,
      encryptionSerialNumber,
      keyId,
      address,
      hash,
    );
  }

  /** Forgets the remembered end of the chain: after a rollback the database alone knows it. */
  forgetHead(): void {
    this.#last = undefined;
  }

  #stored(): { sequence: number; hash: string } {
    const { sequence, hash } = this.head();
    return { sequence, hash: hash.toString('hex') };
  }
}

const noRecords: readonly ReconstructionRow[] = [];

function rowOf(entry: EventEntry, sequence: number): EventRow {
  const [first, second] = entry.encryptionCoins ?? [];
  return [
    sequence,
    entry.time,
    entry.action,
    entry.status ?? null,
    entry.reason ?? null,
    entry.encryptionType ?? null,
    entry.claimedCoin?.denomination ?? null,
    entry.claimedCoin?.serialNumber ?? null,
    first?.denomination ?? null,
    first?.serialNumber ?? null,
    second?.denomination ?? null,
    second?.serialNumber ?? null,
    entry.keyId ?? null,
    entry.address ?? null,
    entry.details === undefined ? null : JSON.stringify(entry.details),
  ];
}

function reconstructionRowOf(record: Reconstruction, position: number): ReconstructionRow {
  return [
    position,
    record.coin.denomination,
    record.coin.serialNumber,
    record.splitId,
    record.authority,
    record.reason ?? null,
    record.previous ?? null,
  ];
}
