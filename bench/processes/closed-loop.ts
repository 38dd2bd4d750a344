import { connect, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { depthOf, type Mode } from '../cases.ts';
import type { Pool } from '../packets.ts';
import { ReplyChecker } from './reply-checker.ts';

export interface LoadPlan {
  /** What `prepare` has named them. */
  readonly packets: string;
  readonly port: number;
  readonly mode: Mode;
  readonly connections: number;
  readonly leadInSeconds: number;
  readonly seconds: number;
}

export interface LoadResult {
  /** Replies a second, without the lead-in. */
  readonly rate: number;
  /** All good replies, of lead-in and end as well. */
  readonly acknowledged: number;
}

const patienceMs = 10_000;
/** Every socket reads into this one: what was read is looked at before the next read. */
const readBuffer = Buffer.alloc(65_536);

/** Every connection has as many requests under way as its mode allows; a reply is followed by the next request at once. */
export class ClosedLoop {
  readonly #plan: LoadPlan;
  readonly #pool: Pool;
  readonly #depth: number;
  readonly #sockets = new Set<Socket>();
  /** Of each part of the pool, which request is the next. A pool that is sent again is begun anywhere, so that rounds differ. */
  readonly #next: number[];
  #replies = 0;
  #outstanding = 0;
  #ending = false;
  #began: { replies: number; at: number } | undefined;
  #rate = 0;
  #finish: (result: LoadResult) => void = () => undefined;
  #fail: (error: Error) => void = () => undefined;

  constructor(plan: LoadPlan, pool: Pool) {
    this.#plan = plan;
    this.#pool = pool;
    this.#depth = depthOf(plan.mode);
    const first = () => (pool.once ? 0 : Math.floor(Math.random() * pool.partSize));
    this.#next = Array.from({ length: pool.parts }, first);
    if (this.#depth > pool.partSize)
      throw new RangeError(`${this.#depth} requests under way, ${pool.partSize} prepared`);
  }

  /** Resolves when every request has its reply. */
  async run(): Promise<LoadResult> {
    const { connections, leadInSeconds, seconds, mode } = this.#plan;
    const done = new Promise<LoadResult>((resolve, reject) => {
      this.#finish = resolve;
      this.#fail = reject;
    });
    const giveUp = setTimeout(
      () => this.#fail(new Error(`${this.#outstanding} replies are missing`)),
      (leadInSeconds + seconds) * 1_000 + patienceMs,
    );
    setTimeout(() => this.#begin(), leadInSeconds * 1_000);
    setTimeout(() => this.#end(), (leadInSeconds + seconds) * 1_000);
    for (let index = 0; index < connections; index += 1) {
      if (mode === 'connection for each') this.#sendAlone();
      else this.#open(index % this.#pool.parts);
    }
    try {
      return await done;
    } finally {
      clearTimeout(giveUp);
      for (const socket of this.#sockets) socket.destroy();
    }
  }

  #begin(): void {
    this.#began = { replies: this.#replies, at: performance.now() };
  }

  #end(): void {
    if (this.#ending) return;
    this.#ending = true;
    const { replies, at } = this.#began ?? { replies: 0, at: performance.now() };
    this.#rate = ((this.#replies - replies) * 1_000) / (performance.now() - at);
    this.#finishWhenAnswered();
  }

  #finishWhenAnswered(): void {
    if (this.#ending && this.#outstanding === 0) this.#finish({ rate: this.#rate, acknowledged: this.#replies });
  }

  /** The next requests of a part, at most `count`; none when it is over. Running out of new ones ends the round early. */
  #take(part: number, count: number): Buffer | undefined {
    if (this.#ending) return undefined;
    const { bytes, requestSize, partSize, once } = this.#pool;
    let next = this.#next[part] ?? 0;
    if (next + count > partSize) {
      if (once) {
        if (this.#began === undefined) throw new Error('the new requests did not last for the lead-in');
        this.#end();
        return undefined;
      }
      next = 0;
    }
    const start = (part * partSize + next) * requestSize;
    this.#next[part] = next + count;
    this.#outstanding += count;
    return bytes.subarray(start, start + count * requestSize);
  }

  #open(part: number): void {
    const checker = new ReplyChecker(this.#pool.reply);
    const send = (count: number) => {
      const requests = this.#take(part, count);
      if (requests !== undefined) socket.write(requests);
    };
    const socket = this.#connect((chunk) => {
      const answered = checker.take(chunk);
      if (answered > 0) {
        this.#answered(answered);
        send(answered);
      }
    });
    socket.once('connect', () => send(this.#depth));
  }

  /** One connection for one request, and when that is answered the next. */
  #sendAlone(): void {
    const request = this.#take(0, 1);
    if (request === undefined) return;
    const checker = new ReplyChecker(this.#pool.reply);
    const socket = this.#connect((chunk) => {
      if (checker.take(chunk) === 0) return;
      this.#sockets.delete(socket);
      socket.destroy();
      this.#answered(1);
      this.#sendAlone();
    });
    socket.write(request);
  }

  #answered(count: number): void {
    this.#replies += count;
    this.#outstanding -= count;
    if (this.#ending) this.#finishWhenAnswered();
  }

  #connect(receive: (chunk: Buffer) => void): Socket {
    const onread = {
      buffer: readBuffer,
      callback: (size: number) => {
        try {
          receive(readBuffer.subarray(0, size));
        } catch (error) {
          this.#fail(error as Error);
        }
        return true;
      },
    };
    const socket = connect({ host: '127.0.0.1', port: this.#plan.port, noDelay: true, onread });
    this.#sockets.add(socket);
    socket.on('error', (error) => this.#fail(error));
    socket.on('end', () => this.#fail(new Error('the server closed a connection')));
    return socket;
  }
}
