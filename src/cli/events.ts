import { type EventFilter, type EventOrder, listEvents, reconstructionsOf } from '../storage/forensics/events.ts';
import { type Format, printRows } from './output.ts';
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

/** `raida-node events list`. */
export function eventsList(directory: string, filter: EventFilter, order: EventOrder, format: Format): void {
  withDatabase(directory, (database) =>
    printRows(
      listEvents(database, filter, order),
      (event) => ({
        ...eventView(event),
        reconstructions:
          event.action === 'decrypt-raida-key'
            ? reconstructionsOf(database, event.sequence).map(reconstructionView)
            : [],
      }),
      listColumns,
      format,
    ),
  );
}
