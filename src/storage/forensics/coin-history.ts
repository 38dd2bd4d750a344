import type { Database } from 'better-sqlite3';
import type { Coin } from '../../domain/coin.ts';

export interface CoinHistoryRecord {
  readonly sequence: number;
  readonly time: number;
  readonly action: string;
  readonly status: number | null;
  /** How the event concerns the coin: named in the payload, restored, or not restored. */
  readonly role: string;
  readonly splitId: number | null;
  readonly authority: number | null;
  readonly reason: string | null;
  readonly address: string | null;
}

/** What was asked about a coin and done to it, newest first. Both halves of the search follow an index. */
export function coinHistory(database: Database, coin: Coin, limit: number): CoinHistoryRecord[] {
  const { denomination, serialNumber } = coin;
  return database
    .prepare<number[], CoinHistoryRecord>(
      `SELECT sequence, time, action, status, 'named' AS role, NULL AS splitId, NULL AS authority, reason, address
       FROM events WHERE denomination = ? AND serial_number = ?
       UNION ALL
       SELECT r.event, e.time, e.action, e.status, CASE WHEN r.reason IS NULL THEN 'restored' ELSE 'not restored' END,
         r.split_id, r.authority, r.reason, e.address
       FROM reconstructions r JOIN events e ON e.sequence = r.event WHERE r.denomination = ? AND r.serial_number = ?
       ORDER BY sequence DESC LIMIT ?`,
    )
    .all(denomination, serialNumber, denomination, serialNumber, limit);
}
