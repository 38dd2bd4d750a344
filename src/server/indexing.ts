import type { Logger } from '../logger.ts';
import type { Store } from '../storage/store.ts';
import type { Clock, Dispatch } from './dispatch.ts';
import { LineLimiter } from './line-limiter.ts';
import { PacedWork } from './paced-work.ts';

export interface IndexingParts {
  readonly store: Store;
  readonly dispatch: Dispatch;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether the keys shall be counted, for metrics. */
  readonly countsKeys: boolean;
}

const intervalMs = 50;
/** After so many intervals without a request nobody is in a hurry. */
const quietIntervals = 4;
const pieceMs = 2;
const pieceSizeMax = 2_048;
/** Ids that are only read take half the time of entries that are made. */
const learnedMax = 4_096;
/** A node that starts first catches up until it lacks no more keys than this: each start reads their ids into memory. */
const lagAtStartMax = 8_192;
const startPatienceMs = 300;
/** How much of the time goes to the indexes while there are requests: little, until they are so far behind that it shows. */
const shareMin = 0.02;
const shareMax = 0.5;
const urgencyForMaxShare = 4;

/** Brings the index of keys further before anybody waits for answers, where it is far behind. */
export function catchUp(store: Store, clock: Clock): void {
  const givenUpAtMs = clock.monotonicMs() + startPatienceMs;
  while (store.indexes.keysLag() > lagAtStartMax && clock.monotonicMs() < givenUpAtMs)
    store.indexes.followKeys(pieceSizeMax, lagAtStartMax);
}

/**
 * Lets the indexes follow their tables, in pieces that no client notices: at once where nobody asks for anything, otherwise
 * when there is enough for a round.
 */
export class Indexing {
  readonly #parts: IndexingParts;
  /** By the kind of work. */
  readonly #pieces = new Map<string, PacedWork>();
  readonly #counting: PacedWork;
  readonly #learning: PacedWork;
  readonly #failures: LineLimiter;
  readonly #timer: NodeJS.Timeout;
  #requestsSeen = 0;
  #intervalsWithoutRequest = 0;
  /** Time that pieces may take now; less than none where the last one took longer than there was. */
  #allowanceMs = 0;

  constructor(parts: IndexingParts) {
    this.#parts = parts;
    this.#counting = new PacedWork(parts.clock.monotonicMs);
    this.#learning = new PacedWork(parts.clock.monotonicMs, learnedMax, pieceMs);
    this.#failures = new LineLimiter(parts.logger, parts.clock.monotonicMs);
    this.#timer = setInterval(() => this.#follow(), intervalMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #follow(): void {
    const isBusy = this.#isBusy();
    try {
      const { store, countsKeys } = this.#parts;
      this.#learn(isBusy);
      if (countsKeys) this.#counting.run((size) => store.countKeys(size * 8));
      this.#followIndexes(isBusy);
    } catch (error) {
      this.#failures.error({ err: error }, 'indexing failed');
    }
  }

  #learn(isBusy: boolean): void {
    const { clock, store } = this.#parts;
    const givenUpAtMs = clock.monotonicMs() + (isBusy ? 0 : intervalMs * shareMax);
    while (this.#learning.run((size) => store.learnKeyIds(size)) && clock.monotonicMs() < givenUpAtMs);
  }

  #followIndexes(isBusy: boolean): void {
    const { clock, dispatch } = this.#parts;
    const { indexes } = this.#parts.store;
    if (indexes.lag() === 0 || !dispatch.acceptsWrites) return;
    const urgency = indexes.urgency();
    if (isBusy && urgency < 1 && !indexes.isInRound) return;
    const share = isBusy ? shareOf(urgency) : shareMax;
    this.#allowanceMs = Math.min(intervalMs * shareMax, this.#allowanceMs + intervalMs * share);
    while (this.#allowanceMs > 0 && indexes.hasWork) {
      const beganMs = clock.monotonicMs();
      this.#nextPiece().run((size) => indexes.follow(size));
      this.#allowanceMs -= clock.monotonicMs() - beganMs;
    }
  }

  #isBusy(): boolean {
    const { requests } = this.#parts.dispatch;
    this.#intervalsWithoutRequest = requests === this.#requestsSeen ? this.#intervalsWithoutRequest + 1 : 0;
    this.#requestsSeen = requests;
    return this.#intervalsWithoutRequest < quietIntervals;
  }

  #nextPiece(): PacedWork {
    const kind = this.#parts.store.indexes.nextPiece;
    const known = this.#pieces.get(kind);
    if (known !== undefined) return known;
    const piece = new PacedWork(this.#parts.clock.monotonicMs, pieceSizeMax, pieceMs);
    this.#pieces.set(kind, piece);
    return piece;
  }
}

function shareOf(urgency: number): number {
  const behind = Math.min(1, Math.max(0, urgency - 1) / (urgencyForMaxShare - 1));
  return shareMin + (shareMax - shareMin) * behind;
}
