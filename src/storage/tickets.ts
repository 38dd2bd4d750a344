import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { Database, Statement } from 'better-sqlite3';
import { type Coin, coinLayout } from '../domain/coin.ts';
import { rowChecksum } from './checksum.ts';
import { DamagedRow } from './damage.ts';

const digestSize = 16;

/** What makes a ticket this ticket, wherever it turns up again. */
export interface TicketIdentity {
  readonly encryptionCoin: Coin;
  readonly authority: number;
  readonly target: Coin;
  readonly sealed: Buffer;
}

interface StoredTicket {
  readonly splitId: number;
  readonly acceptedAt: number;
  readonly checksum: number;
}

/** Remembers accepted tickets for good (Q13). Only a digest is kept. */
export class TicketReader {
  readonly #select: Statement<[Buffer], StoredTicket>;

  constructor(database: Database) {
    this.#select = database.prepare(
      'SELECT split_id AS splitId, accepted_at AS acceptedAt, checksum FROM tickets WHERE digest = ?',
    );
  }

  /** The split id under which the ticket was accepted; undefined for one never accepted. Throws DamagedRow. */
  acceptedAs(ticket: TicketIdentity): number | undefined {
    const digest = digestOf(ticket);
    const row = this.#select.get(digest);
    if (row !== undefined && rowChecksum([digest, row.splitId, row.acceptedAt]) !== row.checksum) {
      throw new DamagedRow(`ticket ${digest.toString('hex', 0, 4)}...`);
    }
    return row?.splitId;
  }
}

export class TicketWriter extends TicketReader {
  readonly #insert: Statement<[Buffer, number, number, number]>;

  constructor(database: Database) {
    super(database);
    this.#insert = database.prepare(
      'INSERT INTO tickets (digest, split_id, accepted_at, checksum) VALUES (?, ?, ?, ?)',
    );
  }

  remember(ticket: TicketIdentity, splitId: number, acceptedAt: number): void {
    const digest = digestOf(ticket);
    this.#insert.run(digest, splitId, acceptedAt, rowChecksum([digest, splitId, acceptedAt]));
  }
}

function digestOf({ encryptionCoin, authority, target, sealed }: TicketIdentity): Buffer {
  return createHash('sha256')
    .update(coinLayout.encode(encryptionCoin))
    .update(Buffer.from([authority]))
    .update(coinLayout.encode(target))
    .update(sealed)
    .digest()
    .subarray(0, digestSize);
}
