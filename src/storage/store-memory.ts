import type { Writer } from './store.ts';
import type { Memory } from './transactions.ts';

/**
 * What the writers remember beyond their statements: rows read ahead, the end of the event chain, ids without an index,
 * recent requests.
 */
export function memoryOf({ chatKeys, coins, events, keyCounts, keyIndex, replays }: Writer): Memory {
  return {
    mark: () => ({ keys: keyIndex.mark, requests: replays.mark }),
    beforeCommit: () => replays.store(),
    commit: () => {
      chatKeys.expectNothing();
      keyIndex.commit();
      replays.commit();
    },
    rollBackTo: ({ keys, requests }) => {
      chatKeys.expectNothing();
      events.forgetHead();
      coins.forgetRecords();
      keyCounts.forget();
      keyIndex.rollBackTo(keys);
      replays.rollBackTo(requests);
    },
  };
}
