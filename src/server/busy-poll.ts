import { availableParallelism } from 'node:os';

/** How soon a client must ask again to count as one who asks at once, and how long the next request is waited for. */
const promptMs = 0.25;

/**
 * Keeps the event loop turning for a moment after an answer, where one client alone asks again and again as soon as it is
 * answered: a thread that has gone to sleep is woken late. Nobody else is waited for, so that a node with slow clients, or
 * many, sleeps as much as ever; nor where there is but one processor, which the client needs.
 */
export class BusyPoll {
  readonly #monotonicMs: () => number;
  readonly #hasProcessorToSpare: boolean;
  /** Who was answered last, where that was one client alone. */
  #client: object | undefined;
  #answeredAtMs = 0;
  #untilMs = 0;
  #isPolling = false;

  constructor(monotonicMs: () => number, processors = availableParallelism()) {
    this.#monotonicMs = monotonicMs;
    this.#hasProcessorToSpare = processors > 1;
  }

  /** These clients were answered together; the first of their requests came at `askedAtMs`. */
  answered(clients: readonly object[], askedAtMs: number): void {
    const client = clients.length === 1 ? clients[0] : undefined;
    const asksAtOnce = client !== undefined && client === this.#client && askedAtMs - this.#answeredAtMs < promptMs;
    this.#client = client;
    this.#answeredAtMs = this.#monotonicMs();
    this.#untilMs = asksAtOnce && this.#hasProcessorToSpare ? this.#answeredAtMs + promptMs : 0;
    if (!this.#isPolling) this.#poll();
  }

  #poll(): void {
    this.#isPolling = this.#monotonicMs() < this.#untilMs;
    if (this.#isPolling) setImmediate(() => this.#poll());
  }
}
