import { randomBytes } from 'node:crypto';
import { type Coin, coinName } from '../domain/coin.ts';
import { statusName } from '../protocol/status.ts';
import { coinHistory } from '../storage/forensics/coin-history.ts';
import { showCoin } from '../storage/forensics/coins.ts';
import { denominationStatistics, freeSerialNumbers } from '../storage/forensics/statistics.ts';
import { RevertError, revertReconstruction } from '../storage/revert.ts';
import { CommandFailure, ExitCode } from './exit-codes.ts';
import { type Format, print, printFields, printJson, printRows, timeText } from './output.ts';
import { withDatabase } from './with-database.ts';
import { withStore } from './writing.ts';

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

/** `raida-node coins revert`: undoes one reconstruction. */
export function coinsRevert(directory: string, event: number): void {
  try {
    const random = { bytes: (size: number) => randomBytes(size) };
    const reverted = withStore(directory, (store) => revertReconstruction(store, event, Date.now(), random));
    for (const { coin, half } of reverted)
      print(`coin ${coinName(coin)}: half ${half} is what it was before event ${event}\n`);
  } catch (error) {
    throw error instanceof RevertError ? new CommandFailure(ExitCode.refused, error.message) : error;
  }
}

function* firstOf<T>(values: Iterable<T>, limit: number): Generator<T> {
  let left = limit;
  for (const value of values) {
    if (left <= 0) return;
    left -= 1;
    yield value;
  }
}
