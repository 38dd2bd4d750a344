import { createHash } from 'node:crypto';
import type { Database, Statement } from 'better-sqlite3';
import { type Coin, coinLayout } from '../domain/coin.ts';
import { rowChecksum } from './checksum.ts';

const digestSize = 16;

/** What makes a ticket this ticket, wherever it turns up again. */
export interface TicketIdentity {
  readonly encryptionCoin: Coin;
  readonly authority: number;
  readonly target: Coin;
  readonly sealed: Buffer;
}

/** Remembers accepted tickets for good (Q13). Only a digest is kept. */
export class TicketReader {
  readonly #select: Statement<[Buffer], number>;

  constructor(database: Database) {
    this.#select = database.prepare<[Buffer], number>('SELECT split_id FROM tickets WHERE digest = ?').pluck();
  }

  /** The split id under which the ticket was accepted; undefined for one never accepted. */
  acceptedAs(ticket: TicketIdentity): number | undefined {
    return this.#select.get(digestOf(ticket));
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
