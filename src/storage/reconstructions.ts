import type { Database, Statement } from 'better-sqlite3';
import type { Coin } from '../domain/coin.ts';
import type { Half } from '../domain/coin-page.ts';
import { indexedThrough } from './event-index.ts';

interface Query {
  readonly denomination: number;
  readonly serialNumber: number;
  readonly splitId: Half;
  readonly since: number;
  readonly through: number;
}

/** Accepted records of one coin's half: the indexed ones by way of the coin, the others from the end of the table. */
const accepted = `FROM reconstructions r JOIN events e ON e.sequence = r.event
  WHERE r.reason IS NULL AND e.action = 'decrypt-raida-key' AND e.time >= :since
    AND r.denomination = :denomination AND r.serial_number = :serialNumber AND r.split_id = :splitId
    AND r.event IN (
      SELECT sequence FROM coin_events
      WHERE denomination = :denomination AND serial_number = :serialNumber AND sequence <= :through
      UNION ALL SELECT event FROM reconstructions WHERE event > :through)`;

/** What was restored of late, as the event log has it. */
export class ReconstructionReader {
  readonly #database: Database;
  readonly #count: Statement<[Query], number>;
  readonly #lastAuthority: Statement<[Query], number>;

  constructor(database: Database) {
    this.#database = database;
    this.#count = database.prepare<[Query], number>(`SELECT count(*) ${accepted}`).pluck();
    this.#lastAuthority = database
      .prepare<[Query], number>(`SELECT r.authority ${accepted} ORDER BY r.event DESC, r.position DESC LIMIT 1`)
      .pluck();
  }

  /** How often the half was restored since a time in milliseconds since 1970. */
  count(coin: Coin, splitId: Half, since: number): number {
    return this.#count.get(this.#query(coin, splitId, since)) ?? 0;
  }

  /** The authority whose ticket restored the half last; undefined where none did. */
  lastAuthority(coin: Coin, splitId: Half): number | undefined {
    return this.#lastAuthority.get(this.#query(coin, splitId, Number.MIN_SAFE_INTEGER));
  }

  #query({ denomination, serialNumber }: Coin, splitId: Half, since: number): Query {
    return { denomination, serialNumber, splitId, since, through: indexedThrough(this.#database) };
  }
}
