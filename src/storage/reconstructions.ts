import type { Database, Statement } from 'better-sqlite3';
import type { Coin } from '../domain/coin.ts';
import type { Half } from '../domain/coin-page.ts';

interface Query {
  readonly denomination: number;
  readonly serialNumber: number;
  readonly splitId: Half;
  readonly since: number;
}

/** Accepted records of one coin's half. However many were refused, they cost nothing here: anybody can have them made. */
const accepted = `FROM reconstructions r INDEXED BY reconstructions_accepted CROSS JOIN events e ON e.sequence = r.event
  WHERE r.reason IS NULL AND r.denomination = :denomination AND r.serial_number = :serialNumber
    AND r.split_id = :splitId AND e.action = 'decrypt-raida-key' AND e.time >= :since`;

/** What was restored of late, as the event log has it. */
export class ReconstructionReader {
  readonly #count: Statement<[Query], number>;
  readonly #lastAuthority: Statement<[Query], number>;

  constructor(database: Database) {
    this.#count = database.prepare<[Query], number>(`SELECT count(*) ${accepted}`).pluck();
    this.#lastAuthority = database
      .prepare<[Query], number>(`SELECT r.authority ${accepted} ORDER BY r.event DESC, r.position DESC LIMIT 1`)
      .pluck();
  }

  /** How often the half was restored since a time in milliseconds since 1970. */
  count(coin: Coin, splitId: Half, since: number): number {
    return this.#count.get({ ...coin, splitId, since }) ?? 0;
  }

  /** The authority whose ticket restored the half last; undefined where none did. */
  lastAuthority(coin: Coin, splitId: Half): number | undefined {
    return this.#lastAuthority.get({ ...coin, splitId, since: Number.MIN_SAFE_INTEGER });
  }
}
