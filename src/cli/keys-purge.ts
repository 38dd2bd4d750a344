import type { Store } from '../storage/store.ts';
import { askNode } from './control.ts';
import { demandNode } from './existing-node.ts';
import { print, printJson } from './output.ts';
import { withStore } from './writing.ts';

const keysPerTransaction = 1_000;

/** `raida-node keys purge`: removes keys posted before a time, in small pieces; a running node does it itself. */
export async function keysPurge(directory: string, before: number, asJson: boolean): Promise<void> {
  demandNode(directory);
  const answer = await askNode(directory, { verb: 'purge-keys', before });
  const removed = answer === undefined ? withStore(directory, (store) => purge(store, before)) : Number(answer.result);
  if (asJson) printJson({ removed });
  else print(`${removed} keys removed\n`);
}

function purge(store: Store, before: number): number {
  let removed = 0;
  let position: number | undefined = 0;
  while (position !== undefined) {
    const piece = { position, before, now: Date.now(), count: keysPerTransaction };
    const done: { removed: number; next: number | undefined } = store.write((writer) =>
      writer.retention.purgeKeys(writer, piece),
    );
    removed += done.removed;
    position = done.next;
  }
  return removed;
}
