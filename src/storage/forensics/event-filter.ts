import { Buffer } from 'node:buffer';
import type { Coin } from '../../domain/coin.ts';
import { Conditions } from './conditions.ts';

export interface EventFilter {
  readonly coin?: Coin | undefined;
  readonly action?: string | undefined;
  readonly status?: number | undefined;
  readonly address?: string | undefined;
  readonly keyIdPrefix?: string | undefined;
  /** Milliseconds since 1970, both ends included. */
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  /** Only events after this one. */
  readonly after?: number | undefined;
}

/** The filter as conditions on one row of `events`. */
export function eventConditions(filter: EventFilter): Conditions {
  const conditions = new Conditions();
  if (filter.action !== undefined) conditions.add('action = ?', filter.action);
  if (filter.status !== undefined) conditions.add('status = ?', filter.status);
  if (filter.address !== undefined) conditions.add('address = ?', filter.address);
  if (filter.since !== undefined) conditions.add('time >= ?', filter.since);
  if (filter.until !== undefined) conditions.add('time <= ?', filter.until);
  if (filter.after !== undefined) conditions.add('sequence > ?', filter.after);
  if (filter.keyIdPrefix !== undefined) {
    conditions.add('key_id BETWEEN ? AND ?', ...keyIdBounds(filter.keyIdPrefix));
  }
  if (filter.coin !== undefined) {
    const { denomination, serialNumber } = filter.coin;
    conditions.add(
      `(denomination = ? AND serial_number = ?)
       OR (encryption_denomination = ? AND encryption_serial_number = ?)
       OR (second_denomination = ? AND second_serial_number = ?)
       OR EXISTS (SELECT 1 FROM reconstructions r
                  WHERE r.event = sequence AND r.denomination = ? AND r.serial_number = ?)`,
      ...[denomination, serialNumber, denomination, serialNumber],
      ...[denomination, serialNumber, denomination, serialNumber],
    );
  }
  return conditions;
}

/** The least and the greatest id that start with these hexadecimal digits. */
export function keyIdBounds(prefix: string): [Buffer, Buffer] {
  return [Buffer.from(prefix.padEnd(32, '0'), 'hex'), Buffer.from(prefix.padEnd(32, 'f'), 'hex')];
}
