import type { IndexFollower } from './index-follower.ts';
import type { Range } from './round-parts.ts';
import { type IndexName, indexNames, roundsSchema } from './sorted-rounds.ts';

export interface IndexesParts {
  readonly keys: IndexFollower;
  readonly events: IndexFollower;
  /** Runs work in a write transaction. */
  write(work: () => void): void;
}

/** The indexes that follow their tables: each piece of work is for the one that needs it most. */
export class Indexes {
  readonly #parts: IndexesParts;

  constructor(parts: IndexesParts) {
    this.#parts = parts;
  }

  /** How many rows the index lacks that is furthest behind. */
  lag(): number {
    return Math.max(this.#parts.keys.lag(), this.#parts.events.lag());
  }

  /** Keys that their index lacks: their ids are held in memory. */
  keysLag(): number {
    return this.#parts.keys.lag();
  }

  /** Whether `follow` would do something: an index that lacks rows may have to wait until its entries are sorted. */
  get hasWork(): boolean {
    const follower = this.#mostUrgent();
    return follower !== undefined && follower.lag() > 0;
  }

  /** How urgent the next piece of work is: 1 where an index lacks as many rows as it may beside requests. */
  urgency(): number {
    return this.#mostUrgent()?.urgency() ?? 0;
  }

  /** Whether an index is in the middle of a round, and can go on with it. */
  get isInRound(): boolean {
    const { keys, events } = this.#parts;
    return (keys.isInRound && !keys.isWaiting) || (events.isInRound && !events.isWaiting);
  }

  /** What kind of work `follow` does next. */
  get nextPiece(): string {
    return this.#mostUrgent()?.nextPiece ?? 'nothing';
  }

  /** Has large rounds sorted by `sort`, which answers each call by one of `sorted`. */
  sortElsewhere(sort: (index: IndexName, range: Range) => void): void {
    for (const index of indexNames) {
      this.#parts[index].sortElsewhere(roundsSchema(index), (range) => sort(index, range));
    }
  }

  sorted(index: IndexName, entries: readonly number[] | undefined): void {
    this.#parts[index].sorted(entries);
  }

  /** Nobody sorts elsewhere any more. */
  sortHere(): void {
    for (const index of indexNames) this.#parts[index].sortHere();
  }

  /**
   * Brings the index that needs it most further, in a transaction of its own: by at most `size` rows that are read, or so
   * many entries that are merged, in rounds of at most `roundSize` rows.
   */
  follow(size: number, roundSize?: number): void {
    const follower = this.#mostUrgent();
    if (follower !== undefined) this.#advance(follower, size, roundSize);
  }

  /** The same for the index of keys alone. */
  followKeys(size: number, roundSize?: number): void {
    this.#advance(this.#parts.keys, size, roundSize);
  }

  #advance(follower: IndexFollower, size: number, roundSize?: number): void {
    if (follower.lag() === 0) return;
    try {
      this.#parts.write(() => follower.advance(size, roundSize));
    } catch (error) {
      follower.abandon();
      throw error;
    }
  }

  /** Of those that can go on. As long as none is urgent, a round that was begun is brought to its end. */
  #mostUrgent(): IndexFollower | undefined {
    const { keys, events } = this.#parts;
    if (keys.isWaiting) return events.isWaiting ? undefined : events;
    if (events.isWaiting) return keys;
    if (keys.urgency() < 1 && events.urgency() < 1 && keys.isInRound !== events.isInRound) {
      return keys.isInRound ? keys : events;
    }
    return keys.urgency() >= events.urgency() ? keys : events;
  }
}
