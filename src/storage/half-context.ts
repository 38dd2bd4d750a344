import { type Coin, coinName } from '../domain/coin.ts';
import type { Half } from '../domain/coin-page.ts';

/** What a sealed half is bound to: it opens for this coin and this half only. */
export function halfContext(coin: Coin, half: Half): string {
  return `half ${half} of ${coinName(coin)}`;
}
