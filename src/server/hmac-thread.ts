import type { Buffer } from 'node:buffer';
import { Worker } from 'node:worker_threads';
import { workerFile } from '../installation.ts';
import type { HmacsAhead } from '../protocol/hmacs-ahead.ts';
import { SharedHmacs } from '../protocol/shared-hmacs.ts';

/** For fewer texts, waking a thread takes as long as it saves. */
export const textsWorthwhile = 64;
/** MiB of JavaScript's memory: what is computed is garbage at once. */
const resourceLimits = { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 16 };

/**
 * A thread of its own that computes HMACs for requests and replies of a batch, while the batch goes on. It starts when it is first
 * of use.
 */
export class HmacThread implements HmacsAhead {
  readonly #hmacs: SharedHmacs;
  readonly #failed: (error: Error) => void;
  #worker: Worker | undefined;
  #ended: Promise<void> | undefined;
  #hasFailed = false;
  /** Whether HMACs may be asked for. */
  #isOpen = false;

  /** `failed` hears of it when the thread is no more: everything goes on without it. */
  constructor(failed: (error: Error) => void, hmacs = new SharedHmacs()) {
    this.#failed = failed;
    this.#hmacs = hmacs;
  }

  begin(texts: number): boolean {
    this.#isOpen = texts >= textsWorthwhile && !this.#hasFailed;
    if (this.#isOpen) this.#hmacs.begin();
    return this.#isOpen;
  }

  ask(key: Buffer, source: Buffer, start: number, size: number): number | undefined {
    if (!this.#isOpen) return undefined;
    if (this.#worker === undefined) this.#start();
    if (this.#hasFailed) return undefined;
    return this.#hmacs.ask(key, source, start, size);
  }

  take(place: number | undefined): Buffer | undefined {
    if (place === undefined) return undefined;
    this.#hmacs.pass(place + 1);
    return this.#hmacs.at(place);
  }

  async stop(): Promise<void> {
    this.#worker?.ref();
    this.#hmacs.stop();
    await this.#ended;
  }

  #start(): void {
    try {
      const worker = new Worker(workerFile('hmac'), { workerData: this.#hmacs.memory, resourceLimits });
      worker.on('error', (error) => this.#fail(error));
      this.#ended = new Promise((resolve) => worker.once('exit', () => resolve()));
      worker.unref();
      this.#worker = worker;
    } catch (error) {
      // The system has no thread to give.
      this.#fail(error as Error);
    }
  }

  #fail(error: Error): void {
    this.#hasFailed = true;
    this.#isOpen = false;
    this.#failed(error);
  }
}
