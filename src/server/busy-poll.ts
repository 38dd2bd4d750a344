import { availableParallelism } from 'node:os';

/** How soon a client must ask again to count as one who asks at once, and how long the next request is waited for. */
const promptMs = 0.25;
/**
 * Whether there is a processor for it shows in how often the system takes ours away: looked at after so many waits that
 * followed each other, and if it was in more than half of them, there are no more for a while: twice as long each time,
 * until it is better.
 */
const waitsLookedAt = 64;
const interruptedShareMax = 0.5;
const lookedAtWithinMs = 1_000;
const restMs = { least: 5, most: 400 };

/** What the system has for this process. */
export interface Processors {
  readonly count: number;
  /** How often the system has taken a processor away from this process while it had something to do. */
  interruptions(): number;
}

const ours: Processors = {
  count: availableParallelism(),
  interruptions: () => process.resourceUsage().involuntaryContextSwitches,
};

/**
 * Keeps the event loop turning for a moment after an answer, where one client alone asks again and again as soon as it is
 * answered: a thread that has gone to sleep is woken late. Nobody else is waited for, so that a node with slow clients, or
 * many, sleeps as much as ever; nor where there is but one processor, or others keep all of them busy: clients need one.
 */
export class BusyPoll {
  readonly #monotonicMs: () => number;
  readonly #processors: Processors;
  /** Who was answered last, where that was one client alone. */
  #client: object | undefined;
  #answeredAtMs = 0;
  /** Whether the client is waited for. */
  #isExpected = false;
  #isPolling = false;
  #waits = 0;
  /** When the first of these waits was, and the interruptions until then. */
  #firstAtMs = 0;
  #interruptionsBefore = 0;
  #restsUntilMs = 0;
  #restMs = restMs.least;

  constructor(monotonicMs: () => number, processors = ours) {
    this.#monotonicMs = monotonicMs;
    this.#processors = processors;
  }

  /** These clients were answered together; the first of their requests came at `askedAtMs`. */
  answered(clients: readonly object[], askedAtMs: number): void {
    const client = clients.length === 1 ? clients[0] : undefined;
    const asksAtOnce = client !== undefined && client === this.#client && askedAtMs - this.#answeredAtMs < promptMs;
    this.#client = client;
    this.#answeredAtMs = this.#monotonicMs();
    this.#isExpected = asksAtOnce && this.#hasProcessorToSpare(this.#answeredAtMs);
    if (this.#isExpected && !this.#isPolling) this.#poll();
  }

  #hasProcessorToSpare(now: number): boolean {
    if (this.#processors.count === 1 || now < this.#restsUntilMs) return false;
    if (this.#waits === 0) {
      this.#firstAtMs = now;
      this.#interruptionsBefore = this.#processors.interruptions();
    }
    this.#waits += 1;
    if (this.#waits < waitsLookedAt) return true;
    const interruptions = this.#processors.interruptions() - this.#interruptionsBefore;
    const areMany = interruptions > waitsLookedAt * interruptedShareMax && now - this.#firstAtMs < lookedAtWithinMs;
    this.#waits = 0;
    if (areMany) this.#restsUntilMs = now + this.#restMs;
    this.#restMs = areMany ? Math.min(restMs.most, this.#restMs * 2) : restMs.least;
    return !areMany;
  }

  #poll(): void {
    this.#isPolling = this.#isExpected && this.#monotonicMs() - this.#answeredAtMs < promptMs;
    if (this.#isPolling) setImmediate(() => this.#poll());
  }
}
