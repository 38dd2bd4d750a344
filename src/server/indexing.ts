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
/** Rows that are read in one piece. */
const rowsMax = 1_024;
/** Entries that are merged in one piece: each may write a page of its own, and a commit of more takes the disk too long. */
const entriesMax = 256;
/** A node that starts first catches up until it lacks no more than this: what an index lacks is read into memory at start. */
const lagAtStartMax = 8_192;
const startPatienceMs = 300;
const rowsAtStart = 8_192;
/** Rows without an index from which on a round pays while there are requests. */
const lagWorthARound = 65_536;
/** How much of the time goes to the indexes while there are requests: little, until they are so far behind that it shows. */
const shareMin = 0.02;
const shareMax = 0.5;
const lagForMinShare = 100_000;
const lagForMaxShare = 500_000;

/** Brings indexes that are far behind further before anybody waits for answers. */
export function catchUp(store: Store, clock: Clock): void {
  const givenUpAtMs = clock.monotonicMs() + startPatienceMs;
  while (store.indexLag() > lagAtStartMax && clock.monotonicMs() < givenUpAtMs)
    store.followIndexes(rowsAtStart, rowsAtStart, lagAtStartMax);
}

/**
 * Lets the indexes follow their tables, in pieces that no client notices: at once where nobody asks for anything, otherwise
 * when there is enough for a round.
 */
export class Indexing {
  readonly #parts: IndexingParts;
  readonly #pieces: PacedWork;
  readonly #counting: PacedWork;
  readonly #failures: LineLimiter;
  readonly #timer: NodeJS.Timeout;
  #requestsSeen = 0;
  /** Time that pieces may take now; less than none where the last one took longer than there was. */
  #allowanceMs = 0;

  constructor(parts: IndexingParts) {
    this.#parts = parts;
    this.#pieces = new PacedWork(parts.clock.monotonicMs);
    this.#counting = new PacedWork(parts.clock.monotonicMs);
    this.#failures = new LineLimiter(parts.logger, parts.clock.monotonicMs);
    this.#timer = setInterval(() => this.#follow(), intervalMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #follow(): void {
    const { store, dispatch, clock } = this.#parts;
    const busy = dispatch.requests !== this.#requestsSeen;
    this.#requestsSeen = dispatch.requests;
    if (this.#parts.countsKeys) this.#counting.run((size) => store.countKeys(size * 8));
    const lag = store.indexLag();
    if (lag === 0 || !dispatch.acceptsWrites) return;
    if (busy && lag < lagWorthARound && !store.isIndexing) return;
    this.#allowanceMs = Math.min(
      intervalMs * shareMax,
      this.#allowanceMs + intervalMs * (busy ? shareOf(lag) : shareMax),
    );
    try {
      while (this.#allowanceMs > 0 && store.indexLag() > 0) {
        const beganMs = clock.monotonicMs();
        this.#pieces.run((size) => store.followIndexes(Math.min(size, rowsMax), Math.min(size, entriesMax)));
        this.#allowanceMs -= clock.monotonicMs() - beganMs;
      }
    } catch (error) {
      this.#failures.error({ err: error }, 'indexing failed');
    }
  }
}

function shareOf(lag: number): number {
  const behind = Math.min(1, Math.max(0, lag - lagForMinShare) / (lagForMaxShare - lagForMinShare));
  return shareMin + (shareMax - shareMin) * behind;
}
