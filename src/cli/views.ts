import { coinName } from '../domain/coin.ts';
import { statusName } from '../protocol/status.ts';
import type { EventRecord, ReconstructionRecord } from '../storage/forensics/events.ts';
import type { KeyRecord } from '../storage/forensics/keys.ts';
import { type Cell, timeText } from './output.ts';

/** Stored rows in the words of the command line. */
export function keyView(record: KeyRecord) {
  return {
    id: record.keyId.toString('hex'),
    coin: coinName(record),
    size: record.size,
    postedAt: timeText(record.postedAt),
    replacements: record.replacements,
    fetches: record.fetches,
  };
}

export function eventView(record: EventRecord) {
  return {
    sequence: record.sequence,
    time: timeText(record.time),
    action: record.action,
    status: record.status,
    statusName: record.status === null ? null : statusName(record.status),
    reason: record.reason,
    coin: nameOf(record.denomination, record.serialNumber),
    encryptionType: record.encryptionType,
    encryptionCoin: nameOf(record.encryptionDenomination, record.encryptionSerialNumber),
    secondEncryptionCoin: nameOf(record.secondDenomination, record.secondSerialNumber),
    keyId: record.keyId?.toString('hex') ?? null,
    address: record.address,
    details: record.details === null ? null : (JSON.parse(record.details) as unknown),
    hash: record.hash.toString('hex'),
  };
}

export function reconstructionView(record: ReconstructionRecord) {
  return {
    position: record.position,
    coin: coinName(record),
    half: record.splitId,
    authority: record.authority,
    accepted: record.reason === null,
    reason: record.reason,
    revertible: record.revertible === 1,
  };
}

function nameOf(denomination: number | null, serialNumber: number | null): Cell {
  return denomination === null || serialNumber === null ? null : coinName({ denomination, serialNumber });
}
