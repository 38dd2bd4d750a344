import { keyEvents } from '../storage/forensics/events.ts';
import { findKey, type KeyFilter, listKeys } from '../storage/forensics/keys.ts';
import { CommandFailure, ExitCode } from './exit-codes.ts';
import { type Format, print, printFields, printJson, printRows, printTable } from './output.ts';
import { eventView, keyView } from './views.ts';
import { withDatabase } from './with-database.ts';

const listColumns = ['id', 'coin', 'size', 'postedAt', 'replacements', 'fetches'];
const historyColumns = ['sequence', 'time', 'action', 'statusName', 'encryptionCoin', 'address'];

/** `raida-node keys list`: the stored keys without their bytes. */
export function keysList(directory: string, filter: KeyFilter, limit: number, format: Format): void {
  withDatabase(directory, (database) => printRows(listKeys(database, filter, limit), keyView, listColumns, format));
}

/** `raida-node keys show`: one key and who handled it. */
export function keysShow(directory: string, keyId: Buffer, asJson: boolean): void {
  withDatabase(directory, (database) => {
    const key = findKey(database, keyId);
    if (key === undefined) throw new CommandFailure(ExitCode.failed, `there is no key ${keyId.toString('hex')}`);
    const history = keyEvents(database, key.lastEvent).map(eventView);
    if (asJson) {
      printJson({ ...keyView(key), history });
      return;
    }
    printFields(keyView(key));
    print('\n');
    printTable(history, historyColumns);
  });
}
