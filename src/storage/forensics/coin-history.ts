import type { Database } from 'better-sqlite3';
import { type Coin, sameCoin } from '../../domain/coin.ts';
import { listEvents } from './event-search.ts';
import { type EventRecord, reconstructionsOf } from './events.ts';

export interface CoinHistoryRecord {
  readonly sequence: number;
  readonly time: number;
  readonly action: string;
  readonly status: number | null;
  /** How the event concerns the coin: named in the payload, encryption of the request, restored, or not restored. */
  readonly role: string;
  readonly splitId: number | null;
  readonly authority: number | null;
  readonly reason: string | null;
  readonly address: string | null;
}

/** What was asked about a coin and done to it, newest first; `limit` counts events. */
export function* coinHistory(database: Database, coin: Coin, limit: number): Generator<CoinHistoryRecord> {
  for (const event of listEvents(database, { coin }, { newestFirst: true, limit })) {
    const { sequence, time, action, status, reason, address } = event;
    const common = { sequence, time, action, status, splitId: null, authority: null, reason, address };
    for (const role of rolesOf(event, coin)) yield { ...common, role };
    for (const record of reconstructionsOf(database, sequence)) {
      if (!sameCoin(record, coin)) continue;
      const { splitId, authority } = record;
      const role = record.reason === null ? 'restored' : 'not restored';
      yield { ...common, role, splitId, authority, reason: record.reason };
    }
  }
}

function rolesOf(event: EventRecord, coin: Coin): string[] {
  const isCoin = (denomination: number | null, serialNumber: number | null) =>
    denomination === coin.denomination && serialNumber === coin.serialNumber;
  const isEncryption =
    isCoin(event.encryptionDenomination, event.encryptionSerialNumber) ||
    isCoin(event.secondDenomination, event.secondSerialNumber);
  return [
    ...(isCoin(event.denomination, event.serialNumber) ? ['named'] : []),
    ...(isEncryption ? ['encryption'] : []),
  ];
}
