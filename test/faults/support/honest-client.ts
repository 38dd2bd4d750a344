import { connect } from 'node:net';
import { buildRequest, getPayload, postPayload, readReply } from '../../support/wire.ts';

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
  readonly #socket;
  #durationsMs: number[] = [];
  #stopped = false;
  #failure: Error | undefined;
  readonly #ended: Promise<void>;
  /** Statuses other than those of a node at peace. */
  readonly unexpected: number[] = [];

  constructor(port: number) {
    this.#socket = connect({ host: '127.0.0.1', port, noDelay: true });
    this.#socket.on('error', (error) => {
      this.#failure = error;
    });
    this.#ended = this.#work();
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
    this.#socket.destroy();
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #work(): Promise<void> {
    for (let number = 0; !this.#stopped && this.#failure === undefined; number += 1) {
      const began = performance.now();
      const status = await this.#ask(requestOf(number));
      this.#durationsMs.push(performance.now() - began);
      if (status !== 250) this.unexpected.push(status);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  /** One reply's status; 0 where the node hung up. */
  #ask(request: Buffer): Promise<number> {
    return new Promise((resolve) => {
      let received = Buffer.alloc(0);
      const take = (chunk: Buffer) => {
        received = Buffer.concat([received, chunk]);
        const reply = readReply(received);
        if (reply !== undefined) finish(reply.status);
      };
      const close = () => {
        this.#failure ??= new Error('the node closed an honest connection');
        finish(0);
      };
      const finish = (status: number) => {
        this.#socket.off('data', take);
        this.#socket.off('close', close);
        resolve(status);
      };
      this.#socket.on('data', take);
      this.#socket.on('close', close);
      this.#socket.write(request);
    });
  }
}

/** The duration that `share` of all stay below. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
