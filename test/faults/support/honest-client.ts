import { buildRequest, getPayload, postPayload } from '../../support/wire.ts';
import { Asker } from './asker.ts';

/** A client that behaves: one request at a time on one connection, and how long each answer took. */
const pauseMs = 4;
const coin = Buffer.from('010000012c', 'hex');

function requestOf(number: number): Buffer {
  const keyId = Buffer.alloc(16);
  keyId.writeUInt32BE(Math.floor(number / 3), 12);
  if (number % 3 === 0) return buildRequest({ group: 0, command: 0 });
  if (number % 3 === 2) return buildRequest({ group: 4, command: 43, payload: getPayload(keyId) });
  return buildRequest({ group: 4, command: 41, payload: postPayload(keyId, coin, Buffer.alloc(128), 0, 9) });
}

export class HonestClient {
  readonly #asker: Asker;
  #durationsMs: number[] = [];
  #stopped = false;
  readonly #ended: Promise<void>;
  #failure: unknown;
  /** Statuses other than those of a node at peace. */
  readonly unexpected: number[] = [];

  constructor(port: number) {
    this.#asker = new Asker(port);
    this.#ended = this.#work().catch((error: unknown) => {
      this.#failure = error;
    });
  }

  /** The durations since the last call, in order of size. */
  takeDurationsMs(): number[] {
    const taken = this.#durationsMs.sort((one, other) => one - other);
    this.#durationsMs = [];
    return taken;
  }

  /** Ends the client; throws where its connection was lost. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#ended;
    this.#asker.close();
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #work(): Promise<void> {
    for (let number = 0; !this.#stopped; number += 1) {
      const began = performance.now();
      const status = await this.#asker.status(requestOf(number));
      this.#durationsMs.push(performance.now() - began);
      if (status !== 250) this.unexpected.push(status);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}

/** The duration that `share` of all stay below. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
