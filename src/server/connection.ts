import type { Socket } from 'node:net';
import { type Frame, Framer, type FramerRules } from '../protocol/framer.ts';
import type { Origin } from './rate-limits.ts';

export interface ConnectionLimits {
  readonly headerDeadlineMs: number;
  readonly requestDeadlineMs: number;
  readonly idleLimitMs: number;
}

/** A whole request that waits for its turn. */
export interface Waiting {
  readonly frame: Frame;
  /** Monotonic milliseconds when its last byte was there. */
  readonly receivedAtMs: number;
}

/** Who is at the other end. */
export interface Client {
  /** As the event log may keep it. */
  readonly address: string | undefined;
  readonly origin: Origin | undefined;
}

/** How much of its requests a connection may have waiting. */
export interface Share {
  readonly requests: number;
  readonly bytes: number;
}

export interface ConnectionEvents {
  /** The more connections have requests waiting, the less each of them may. */
  share(): Share;
  /** The connection has requests again, which `take` hands out. Their replies go to `reply`, in the same order. */
  ready(connection: Connection): void;
  /** Memory held for unfinished requests, or for those of a client that reads no replies, has changed by so many bytes. */
  unparsed(connection: Connection, change: number): void;
  closed(connection: Connection): void;
}

/** What the runtime reads at once, and goes on to read for a connection that was paused. */
const readSizeMax = 65_536;

/** How long a client may leave replies unread, and how long a closing connection waits for the client to hang up. */
const writeDeadlineMs = 10_000;
const lingerMs = 1_000;

/**
 * One client's connection: bytes in, requests out; replies in, bytes out. It stays open after a reply. Deadlines are
 * absolute: a client that sends a byte now and then does not postpone them.
 */
export class Connection {
  readonly #socket: Socket;
  readonly #framer: Framer;
  readonly #limits: ConnectionLimits;
  readonly #events: ConnectionEvents;
  readonly client: Client;
  #waiting: Waiting[] = [];
  #unanswered = 0;
  #waitingBytes = 0;
  /** With its share waiting, a connection is read no further. */
  #isFull = false;
  /** What a full connection has received and not framed. */
  #rest: Buffer | undefined;
  /** Whether a whole request has ever come. */
  #hasSpoken = false;
  /** No more requests are taken; the connection ends when all are answered. */
  #ending = false;
  #requestBeganMs: number | undefined;
  #blockedSinceMs: number | undefined;
  #blockedSize = 0;
  #endedAtMs: number | undefined;
  #quietSinceMs: number;
  #monotonicMs: () => number;

  constructor(
    socket: Socket,
    rules: FramerRules,
    limits: ConnectionLimits,
    client: Client,
    monotonicMs: () => number,
    events: ConnectionEvents,
  ) {
    this.#socket = socket;
    this.#framer = new Framer(rules);
    this.#limits = limits;
    this.#events = events;
    this.client = client;
    this.#monotonicMs = monotonicMs;
    this.#quietSinceMs = monotonicMs();
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('end', () => this.endWhenAnswered());
    socket.on('drain', () => this.#unblock());
    // The 'close' that always follows does what is to be done.
    socket.on('error', () => undefined);
    socket.on('close', () => this.#closed());
  }

  /** The oldest waiting requests, at most `count`. Whoever takes them looks whether the connection is still ready. */
  take(count: number): Waiting[] {
    const taken = this.#waiting.length <= count ? this.#waiting : this.#waiting.slice(0, count);
    this.#waiting = this.#waiting.length <= count ? [] : this.#waiting.slice(count);
    for (const { frame } of taken) this.#waitingBytes -= frame.body.length;
    if (this.#isFull && this.#isBelow(this.#events.share(), 0.5)) {
      this.#isFull = false;
      this.#readOn();
    }
    return taken;
  }

  get waitingCount(): number {
    return this.#waiting.length;
  }

  /** Whether there are requests to be answered, and a client who reads the answers. */
  get isReady(): boolean {
    return this.#waiting.length > 0 && this.#blockedSinceMs === undefined;
  }

  /** Bytes of memory held for a request that is not whole yet, and for what waits until the client reads its replies. */
  get unparsedSize(): number {
    return this.#framer.unparsedSize + this.#blockedSize;
  }

  /** Sends the replies to the oldest unanswered requests, in one write. */
  reply(replies: readonly Buffer[]): void {
    const [first] = replies;
    if (first === undefined) return;
    this.#unanswered -= replies.length;
    this.#quietSinceMs = this.#monotonicMs();
    if (this.#socket.destroyed) return;
    const bytes = replies.length === 1 ? first : Buffer.concat(replies);
    if (!this.#socket.write(bytes) && this.#blockedSinceMs === undefined) {
      this.#blockedSinceMs = this.#monotonicMs();
      this.#blockedSize = (this.#rest?.length ?? 0) + this.#waitingBytes + readSizeMax;
      this.#events.unparsed(this, this.#blockedSize);
      this.#socket.pause();
    }
    this.#endIfAnswered();
  }

  /** Takes no more requests, answers those at hand and closes. */
  endWhenAnswered(): void {
    this.#ending = true;
    this.#endIfAnswered();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Closes the connection where a deadline has passed. */
  enforceDeadlines(nowMs: number): void {
    if (this.#endedAtMs !== undefined) {
      if (nowMs - this.#endedAtMs > lingerMs) this.destroy();
    } else if (this.#blockedSinceMs !== undefined) {
      if (nowMs - this.#blockedSinceMs > writeDeadlineMs) this.destroy();
    } else if (this.#requestBeganMs !== undefined) {
      const age = nowMs - this.#requestBeganMs;
      const limit = this.#framer.isMidHeader ? this.#limits.headerDeadlineMs : this.#limits.requestDeadlineMs;
      if (age > limit) this.destroy();
    } else if (this.#unanswered === 0) {
      const limit = this.#hasSpoken ? this.#limits.idleLimitMs : this.#limits.requestDeadlineMs;
      if (nowMs - this.#quietSinceMs > limit) this.endWhenAnswered();
    }
  }

  #receive(chunk: Buffer): void {
    if (this.#ending) return;
    if (this.#rest !== undefined) {
      this.#rest = Buffer.concat([this.#rest, chunk]);
      return;
    }
    const wasReady = this.isReady;
    this.#frame(chunk);
    if (this.isReady && !wasReady) this.#events.ready(this);
  }

  /** Cuts bytes into requests until the connection is full. */
  #frame(chunk: Buffer): void {
    const before = this.#framer.unparsedSize;
    const receivedAtMs = this.#monotonicMs();
    const unansweredBefore = this.#unanswered;
    const share = this.#events.share();
    const used = this.#framer.push(
      chunk,
      (frame) => {
        this.#unanswered += 1;
        if (frame.refused !== undefined) this.#ending = true;
        this.#waiting.push({ frame, receivedAtMs });
        this.#waitingBytes += frame.body.length;
      },
      () => this.#isBelow(share, 1),
    );
    const taken = this.#unanswered - unansweredBefore;
    if (taken > 0) this.#hasSpoken = true;
    if (used < chunk.length) {
      this.#rest = chunk.subarray(used);
      this.#isFull = true;
      this.#socket.pause();
    }
    if (!this.#framer.isMidRequest || this.#ending) this.#requestBeganMs = undefined;
    else if (taken > 0 || this.#requestBeganMs === undefined) this.#requestBeganMs = receivedAtMs;
    this.#events.unparsed(this, this.#framer.unparsedSize - before);
  }

  /** Whether what waits is less than a part of the share, or nothing. */
  #isBelow({ requests, bytes }: Share, part: number): boolean {
    const { length } = this.#waiting;
    return length === 0 || (length < requests * part && this.#waitingBytes < bytes * part);
  }

  #unblock(): void {
    this.#blockedSinceMs = undefined;
    this.#freeBlocked();
    this.#readOn();
    if (this.isReady) this.#events.ready(this);
  }

  #freeBlocked(): void {
    this.#events.unparsed(this, -this.#blockedSize);
    this.#blockedSize = 0;
  }

  /** Frames what was left over, and goes on reading unless that has filled the connection again. */
  #readOn(): void {
    if (this.#isFull || this.#blockedSinceMs !== undefined) return;
    const rest = this.#rest;
    this.#rest = undefined;
    if (rest !== undefined) this.#frame(rest);
    if (!this.#isFull) this.#socket.resume();
  }

  /** Hangs up our half; what the client still sends is read and dropped, so that no reset overtakes the last reply. */
  #endIfAnswered(): void {
    if (!this.#ending || this.#unanswered > 0 || this.#endedAtMs !== undefined) return;
    this.#endedAtMs = this.#monotonicMs();
    this.#socket.end();
    this.#socket.resume();
  }

  #closed(): void {
    this.#ending = true;
    this.#freeBlocked();
    this.#events.unparsed(this, -this.#framer.unparsedSize);
    this.#framer.drop();
    this.#rest = undefined;
    this.#events.closed(this);
  }
}
