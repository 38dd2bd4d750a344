import { setTimeout as pause } from 'node:timers/promises';
import type { Database } from 'better-sqlite3';
import { statusName } from '../protocol/status.ts';
import { ChainVerifier, chainStart, verifyChain } from '../storage/event-chain.ts';
import type { EventFilter } from '../storage/forensics/event-filter.ts';
import { type EventOrder, listEvents } from '../storage/forensics/event-search.ts';
import { type EventRecord, reconstructionsOf } from '../storage/forensics/events.ts';
import { eventStatistics } from '../storage/forensics/statistics.ts';
import { anchorMismatch } from '../storage/head-anchor.ts';
import { ExitCode } from './exit-codes.ts';
import { type Format, print, printJson, printRows } from './output.ts';
import { eventView, reconstructionView } from './views.ts';
import { withDatabase } from './with-database.ts';

const listColumns = [
  'sequence',
  'time',
  'action',
  'statusName',
  'reason',
  'coin',
  'encryptionCoin',
  'keyId',
  'address',
];
const statisticsColumns = ['action', 'statusName', 'count'];
const followIntervalMs = 500;
const everything = Number.MAX_SAFE_INTEGER;

/** `raida-node events list`. */
export function eventsList(directory: string, filter: EventFilter, order: EventOrder, format: Format): void {
  withDatabase(directory, (database) =>
    printRows(listEvents(database, filter, order), viewWith(database), listColumns, format),
  );
}

/** `raida-node events follow`: prints events as they come, until it is interrupted. Each look is a short read. */
export async function eventsFollow(directory: string, filter: EventFilter, fromStart: boolean): Promise<never> {
  let after = fromStart ? 0 : withDatabase(directory, (database) => newestOf(database));
  for (;;) {
    withDatabase(directory, (database) => {
      const view = viewWith(database);
      const newest = newestOf(database);
      for (const event of listEvents(database, { ...filter, after }, { newestFirst: false, limit: everything })) {
        if (event.sequence > newest) break;
        print(`${JSON.stringify(view(event))}\n`);
      }
      after = newest;
    });
    await pause(followIntervalMs);
  }
}

/** `raida-node events stats`. */
export function eventsStatistics(directory: string, format: Format): void {
  withDatabase(directory, (database) =>
    printRows(
      eventStatistics(database),
      (row) => ({ ...row, statusName: row.status === null ? null : statusName(row.status) }),
      statisticsColumns,
      format,
    ),
  );
}

/** `raida-node events verify` without a file: the chain in the node's own database. */
export function eventsVerify(directory: string, asJson: boolean): ExitCode {
  const { chain, faults } = withDatabase(directory, (database) => {
    const verifier = new ChainVerifier(chainStart(database));
    verifyChain(database, verifier, () => undefined);
    verifier.finish();
    const anchor = anchorMismatch(directory, database);
    return { chain: verifier, faults: anchor === undefined ? verifier.faults : [anchor, ...verifier.faults] };
  });
  const head = { sequence: chain.head.sequence, hash: chain.head.hash.toString('hex') };
  if (asJson) {
    printJson({ events: chain.checked, head, faults });
  } else {
    for (const fault of faults) print(`damage: ${fault}\n`);
    print(
      `${faults.length === 0 ? 'sound' : `${faults.length} faults`}: ${chain.checked} events, head ${head.sequence} ${head.hash}\n`,
    );
  }
  return faults.length === 0 ? ExitCode.ok : ExitCode.damageFound;
}

function viewWith(database: Database) {
  return (event: EventRecord) => ({
    ...eventView(event),
    reconstructions: reconstructingActions.includes(event.action)
      ? reconstructionsOf(database, event.sequence).map(reconstructionView)
      : [],
  });
}

const reconstructingActions = ['decrypt-raida-key', 'coins-reverted'];

function newestOf(database: Database): number {
  return database.prepare<[], number>('SELECT coalesce(max(sequence), 0) FROM events').pluck().get() ?? 0;
}
