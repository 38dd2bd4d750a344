import { setTimeout as pause } from 'node:timers/promises';
import type { RandomSource } from '../domain/random.ts';
import { revertReconstruction } from '../storage/revert.ts';
import type { Store } from '../storage/store.ts';
import { programVersion } from '../version.ts';
import type { ControlAction } from './control.ts';
import type { ControlRequest, ControlVerb, NodeHealth } from './control-protocol.ts';
import type { Clock } from './dispatch.ts';
import { PacedWork } from './paced-work.ts';

interface OperatorParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly port: number;
  isReady(): boolean;
}

/** What a running node does for its operator. */
export function operatorActions({
  store,
  clock,
  random,
  port,
  isReady,
}: OperatorParts): Record<ControlVerb, ControlAction> {
  return {
    health: (): NodeHealth => ({ ready: isReady(), port, sequence: store.head().sequence, version: programVersion }),
    'copy-database': asking('copy-database', ({ target }, progress) =>
      store.copyTo(target, clock.monotonicMs, progress),
    ),
    'purge-keys': asking('purge-keys', ({ before }) => purgeKeys(store, clock, before)),
    revert: asking('revert', ({ event }) => revertReconstruction(store, event, clock.now(), random)),
  };
}

type RequestOf<Verb extends ControlVerb> = Extract<ControlRequest, { verb: Verb }>;

function asking<Verb extends ControlVerb>(
  verb: Verb,
  action: (request: RequestOf<Verb>, progress: (done: number, total: number) => void) => unknown,
): ControlAction {
  return (request, progress) => {
    if (request.verb !== verb) throw new Error(`${request.verb} was taken for ${verb}`);
    return action(request as RequestOf<Verb>, progress);
  };
}

/** Between two pieces of a purge: the requests' time, and the disk's. */
const pauseMs = 25;
/** Each may touch a page of its own, and what is written in a row keeps the disk from syncing commits. */
export const removedTogetherMax = 32;

/** Goes through all keys in pieces. */
async function purgeKeys(store: Store, clock: Clock, before: number): Promise<number> {
  const pieces = new PacedWork(clock.monotonicMs, removedTogetherMax);
  let removed = 0;
  let position: number | undefined = 0;
  while (position !== undefined) {
    const from: number = position;
    const piece = pieces.run((count) =>
      store.write((writer) => writer.retention.purgeKeys(writer, { position: from, before, now: clock.now(), count })),
    );
    removed += piece.removed;
    position = piece.next;
    await pause(pauseMs);
  }
  return removed;
}
