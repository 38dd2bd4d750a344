import type { Config } from '../config.ts';
import type { Logger } from '../logger.ts';
import type { Store } from '../storage/store.ts';
import type { Clock } from './dispatch.ts';
import { removedTogetherMax } from './operator.ts';
import { PacedWork } from './paced-work.ts';

export interface RetainingParts {
  readonly config: Config;
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
}

const intervalMs = 25;
/** When everything was looked at, it rests so long. */
const restMs = 60_000;
const dayMs = 86_400_000;

/** Against the monotonic clock: what a time server corrects is far below it. */
const clockJumpMs = 600_000;
/** A node that was off for longer than this may as well have a wrong clock, and gets a day before anything is removed. */
const silenceMaxMs = 30 * dayMs;
const graceMs = dayMs;

/**
 * Removes keys and events that are past their retention, in pieces that no client notices. What is removed is gone, so a
 * clock that jumped since the start, or is far ahead of the log, is not believed.
 */
export class Retaining {
  readonly #parts: RetainingParts;
  readonly #keyPieces: PacedWork;
  readonly #eventPieces: PacedWork;
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #startedMs: number;
  readonly #offsetMs: number;
  readonly #silenceMs: number;
  #keyPosition = 0;
  #keysNotBeforeMs = 0;
  #eventsNotBeforeMs = 0;
  #warned = false;

  constructor(parts: RetainingParts) {
    this.#parts = parts;
    const { clock, store, config } = parts;
    this.#keyPieces = new PacedWork(clock.monotonicMs, removedTogetherMax);
    this.#eventPieces = new PacedWork(clock.monotonicMs, removedTogetherMax);
    this.#startedMs = clock.monotonicMs();
    this.#offsetMs = clock.now() - this.#startedMs;
    const { sequence, time } = store.head();
    this.#silenceMs = sequence === 0 ? 0 : clock.now() - time;
    const wanted = config.keys.retention_days > 0 || config.events.retention_days > 0;
    this.#timer = wanted ? setInterval(() => this.#retain(), intervalMs) : undefined;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #retain(): void {
    const { config, clock, logger } = this.#parts;
    const monotonicMs = clock.monotonicMs();
    try {
      if (!this.#clockIsCredible(monotonicMs)) return;
      const { retention_days: keyDays } = config.keys;
      if (keyDays > 0 && monotonicMs >= this.#keysNotBeforeMs && this.#purgeKeys(keyDays)) {
        this.#keysNotBeforeMs = monotonicMs + restMs;
      }
      const { retention_days: eventDays } = config.events;
      if (eventDays > 0 && monotonicMs >= this.#eventsNotBeforeMs && this.#pruneEvents(eventDays)) {
        this.#eventsNotBeforeMs = monotonicMs + restMs;
      }
    } catch (error) {
      logger.error({ err: error }, 'retention failed');
    }
  }

  /** Looks at the next keys; whether all have been looked at. */
  #purgeKeys(days: number): boolean {
    const { store, clock } = this.#parts;
    const now = clock.now();
    const { next = 0 } = this.#keyPieces.run((count) =>
      store.write((writer) =>
        writer.retention.purgeKeys(writer, { position: this.#keyPosition, before: now - days * dayMs, now, count }),
      ),
    );
    this.#keyPosition = next;
    return next === 0;
  }

  /** Removes the next events; whether none was left. */
  #pruneEvents(days: number): boolean {
    const { store, clock } = this.#parts;
    const now = clock.now();
    return (
      this.#eventPieces.run((size) =>
        store.write((writer) => writer.retention.pruneEvents(writer, now - days * dayMs, now, size)),
      ) === 0
    );
  }

  #clockIsCredible(monotonicMs: number): boolean {
    const { clock, logger } = this.#parts;
    const jumpMs = clock.now() - monotonicMs - this.#offsetMs;
    const uptimeMs = monotonicMs - this.#startedMs;
    const credible = Math.abs(jumpMs) < clockJumpMs && (this.#silenceMs < silenceMaxMs || uptimeMs > graceMs);
    if (!credible && !this.#warned) {
      logger.warn(
        { jumpSeconds: Math.round(jumpMs / 1_000), silenceSeconds: Math.round(this.#silenceMs / 1_000) },
        'the clock jumped, or is far ahead of the event log: nothing is removed by age until it is right again or the node is restarted',
      );
    }
    this.#warned = !credible;
    return credible;
  }
}
