import { ProcessLock } from '../storage/process-lock.ts';
import { Store } from '../storage/store.ts';
import { demandNode } from './existing-node.ts';

/** Opens a node for writing. Only one process may: a serving node has to be stopped first. */
export function withStore<T>(directory: string, work: (store: Store) => T): T {
  demandNode(directory);
  const lock = ProcessLock.take(directory);
  try {
    const store = Store.open(directory);
    try {
      return work(store);
    } finally {
      store.close();
    }
  } finally {
    lock.release();
  }
}
