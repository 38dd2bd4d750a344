import { type Coin, coinName } from '../domain/coin.ts';
import { showCoin } from '../storage/forensics/coins.ts';
import { printFields, printJson } from './output.ts';
import { withDatabase } from './with-database.ts';

/** `raida-node coins show`: a coin without its authentication number. */
export function coinsShow(directory: string, coin: Coin, asJson: boolean): void {
  withDatabase(directory, (database) => {
    const view = { coin: coinName(coin), ...showCoin(database, coin) };
    if (asJson) printJson(view);
    else printFields(view);
  });
}
