import { type Coin, coinName } from '../domain/coin.ts';
import { statusName } from '../protocol/status.ts';
import { coinHistory } from '../storage/forensics/coin-history.ts';
import { showCoin } from '../storage/forensics/coins.ts';
import { denominationStatistics, freeSerialNumbers } from '../storage/forensics/statistics.ts';
import { type Format, printFields, printJson, printRows, timeText } from './output.ts';
import { withDatabase } from './with-database.ts';

/** `raida-node coins show`: a coin without its authentication number. */
export function coinsShow(directory: string, coin: Coin, asJson: boolean): void {
  withDatabase(directory, (database) => {
    const view = { coin: coinName(coin), ...showCoin(database, coin) };
    if (asJson) printJson(view);
    else printFields(view);
  });
}

/** `raida-node coins stats`. */
export function coinsStatistics(directory: string, format: Format): void {
  withDatabase(directory, (database) =>
    printRows(
      denominationStatistics(database),
      (row) => ({ ...row }),
      ['denomination', 'pages', 'inUse', 'free'],
      format,
    ),
  );
}

/** `raida-node coins free`: the lowest free serial numbers of a denomination. */
export function coinsFree(directory: string, denomination: number, limit: number, format: Format): void {
  withDatabase(directory, (database) =>
    printRows(
      firstOf(freeSerialNumbers(database, denomination), limit),
      (serialNumber) => ({ coin: coinName({ denomination, serialNumber }), serialNumber }),
      ['coin'],
      format,
    ),
  );
}

/** `raida-node coins history`: what was asked about a coin and done to it, newest first. */
export function coinsHistory(directory: string, coin: Coin, limit: number, format: Format): void {
  withDatabase(directory, (database) =>
    printRows(
      coinHistory(database, coin, limit),
      (record) => ({
        ...record,
        time: timeText(record.time),
        statusName: record.status === null ? null : statusName(record.status),
      }),
      ['sequence', 'time', 'action', 'statusName', 'role', 'splitId', 'authority', 'reason', 'address'],
      format,
    ),
  );
}

function* firstOf<T>(values: Iterable<T>, limit: number): Generator<T> {
  let left = limit;
  for (const value of values) {
    if (left <= 0) return;
    left -= 1;
    yield value;
  }
}
