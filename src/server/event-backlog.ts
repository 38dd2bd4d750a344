import type { EventEntry } from '../storage/events.ts';
import type { Writer } from '../storage/store.ts';

const entriesMax = 10_000;

/**
 * Events of requests that were answered while the disk took nothing: reads go on then, and their events follow as soon as
 * there is room. What does not fit into memory is counted, and the count becomes an event of its own.
 */
export class EventBacklog {
  #entries: EventEntry[] = [];
  #dropped = 0;

  get isEmpty(): boolean {
    return this.#entries.length === 0 && this.#dropped === 0;
  }

  add(entry: EventEntry): void {
    if (this.#entries.length < entriesMax) this.#entries.push(entry);
    else this.#dropped += 1;
  }

  /** Appends everything to the log, in the transaction at hand. */
  write(writer: Writer, now: number): void {
    for (const entry of this.#entries) writer.events.append(entry);
    if (this.#dropped > 0)
      writer.events.append({ time: now, action: 'events-lost', details: { count: this.#dropped } });
  }

  /** To be called when the transaction is on disk. */
  clear(): void {
    if (this.isEmpty) return;
    this.#entries = [];
    this.#dropped = 0;
  }
}
