import { Buffer } from 'node:buffer';
import type { Coin } from '../domain/coin.ts';
import { type Half, halfSize, withHalf } from '../domain/coin-page.ts';
import type { RandomSource } from '../domain/random.ts';
import { halfContext } from './half-context.ts';
import type { Store, Writer } from './store.ts';

export interface Reverted {
  readonly coin: Coin;
  readonly half: Half;
}

/** The event cannot be undone; says why. */
export class RevertError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'RevertError';
  }
}

/**
 * Puts back what the accepted records of a Decrypt RAIDA Key replaced: half and MFS, the newest record first. What stood
 * there is sealed in turn, so that this can be undone as well. Itself one event.
 */
export function revertReconstruction(store: Store, event: number, now: number, random: RandomSource): Reverted[] {
  return store.write((writer) => {
    const replaced = writer.events.replacedBy(event);
    if (replaced.length === 0) throw new RevertError(`event ${event} replaced nothing, or it is no longer kept`);
    const records = replaced.map(({ coin, splitId, authority, previous }) => {
      const half = splitId === 0 ? 0 : 1;
      return { coin, splitId, authority, previous: putBack(writer, coin, half, previous, random) };
    });
    const details = { reverted: event };
    writer.events.append({ time: now, action: revertAction, details, reconstructions: records });
    return records.map(({ coin, splitId }) => ({ coin, half: splitId === 0 ? 0 : 1 }));
  });
}

export const revertAction = 'coins-reverted';

/** Writes one half and returns what it replaced, sealed. */
function putBack(writer: Writer, coin: Coin, half: Half, sealed: Buffer, random: RandomSource): Buffer {
  const context = halfContext(coin, half);
  const clear = writer.unseal(context, sealed);
  const part = clear.subarray(0, halfSize);
  const mfs = clear[halfSize] ?? 0;
  const before = writer.coins.putRecord(
    coin,
    (record) => ({ authenticationNumber: withHalf(record.authenticationNumber, half, part), mfs }),
    random,
  );
  const replaced = before.authenticationNumber.subarray(half * halfSize, (half + 1) * halfSize);
  return writer.seal(context, Buffer.concat([replaced, Buffer.from([before.mfs])]), random);
}
