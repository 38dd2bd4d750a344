import { findKey, type KeyFilter, keyHistory, listKeys } from '../storage/forensics/keys.ts';
import { keyStatistics } from '../storage/forensics/statistics.ts';
import { CommandFailure, ExitCode } from './exit-codes.ts';
import { type Format, print, printFields, printJson, printRows, printTable, timeText } from './output.ts';
import { eventView, keyView } from './views.ts';
import { withDatabase } from './with-database.ts';

const listColumns = ['id', 'coin', 'size', 'postedAt', 'replacements', 'fetches'];
const historyColumns = ['sequence', 'time', 'action', 'statusName', 'reason', 'coin', 'encryptionCoin', 'address'];

/** `raida-node keys list`: the stored keys without their bytes. */
export function keysList(directory: string, filter: KeyFilter, limit: number, format: Format): void {
  withDatabase(directory, (database) => printRows(listKeys(database, filter, limit), keyView, listColumns, format));
}

/** `raida-node keys show`: one key and who handled it. */
export function keysShow(directory: string, keyId: Buffer, asJson: boolean): void {
  withDatabase(directory, (database) => {
    const found = findKey(database, keyId);
    if (found === undefined) throw new CommandFailure(ExitCode.failed, `there is no key ${keyId.toString('hex')}`);
    const history = found.history.map(eventView);
    if (asJson) {
      printJson({ ...keyView(found.key), history });
      return;
    }
    printFields(keyView(found.key));
    print('\n');
    printTable(history, historyColumns);
  });
}

/** `raida-node keys history`: every event about an id, newest first, also of one that is gone or never was. */
export function keysHistory(directory: string, keyId: Buffer, format: Format): void {
  withDatabase(directory, (database) => printRows(keyHistory(database, keyId), eventView, historyColumns, format));
}

/** `raida-node keys stats`. */
export function keysStatistics(directory: string, asJson: boolean): void {
  withDatabase(directory, (database) => {
    const { oldest, newest, ...counts } = keyStatistics(database);
    const view = {
      ...counts,
      oldest: oldest === null ? null : timeText(oldest),
      newest: newest === null ? null : timeText(newest),
    };
    if (asJson) printJson(view);
    else printFields(view);
  });
}
