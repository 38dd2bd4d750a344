import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

export const growthFlag = '--heap-growing-percent=50';

/**
 * Has this process look for garbage when what it keeps has grown by half. By default a small heap may grow to several times its
 * size first: a busy node then needs up to 25 MB more, and is no quicker.
 */
export function keepHeapSmall(): void {
  setFlagsFromString(growthFlag);
}

type Collect = (options: { type: 'minor' }) => void;
let collect: Collect | undefined;

/**
 * Collects what has died young, in about a millisecond where little is alive. The engine is in no hurry to look for memory
 * outside of the heap, such as what sockets read.
 */
export function collectYoungGarbage(): void {
  if (collect === undefined) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as Collect;
  }
  collect({ type: 'minor' });
}
