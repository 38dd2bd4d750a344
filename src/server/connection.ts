import type { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import type { Frame, Framer } from '../protocol/framer.ts';
import type { Client } from './client.ts';
import type { Request } from './dispatch.ts';
import { largeReadMin } from './large-reads.ts';
import { Reading } from './reading.ts';

export interface ConnectionLimits {
  readonly headerDeadlineMs: number;
  readonly requestDeadlineMs: number;
  readonly idleLimitMs: number;
}

/** How much of its requests a connection may have waiting. */
export interface Share {
  readonly requests: number;
  readonly bytes: number;
}

export interface ConnectionEvents {
  /** So many bytes were read, `largeReadMin` or more of them at once. */
  read(size: number): void;
  /** The more connections have requests waiting, the less each of them may. */
  share(): Share;
  /** The connection asks for a turn: `take` hands out its requests. Their replies go to `reply`, in the same order. */
  ready(connection: Connection): void;
  /** The memory that the connection holds (`heldSize`) has changed by so many bytes. */
  held(connection: Connection, change: number): void;
  closed(connection: Connection): void;
}

/** What the runtime reads at once, and goes on to read for a connection that was paused. */
const readSizeMax = 65_536;

/** What is framed at once of what a socket holds. */
const pieceSizeMax = 4_096;

/** How long a client may take nothing of its replies, and how long a closing connection waits for the client to hang up. */
const unreadDeadlineMs = 3_000;
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
  readonly reading: Reading;
  /** Whole requests that wait for their turn. */
  #waiting: Request[] = [];
  #unanswered = 0;
  #waitingBytes = 0;
  #heldSize = 0;
  /** Whether it has asked for a turn and not had it. */
  #isQueued = false;
  /** With its share waiting, a connection is read no further. */
  #isFull = false;
  /** Whether a whole request has ever come. */
  #hasSpoken = false;
  #hasReplied = false;
  /** No more requests are taken; the connection ends when all are answered. */
  #ending = false;
  #requestBeganMs: number | undefined;
  /** The client is behind with reading replies: no more requests are taken from it until it has caught up. */
  #isBlocked = false;
  #endedAtMs: number | undefined;
  #quietSinceMs: number;
  /** Until the latest large read. */
  #bytesRead = 0;
  #monotonicMs: () => number;

  constructor(
    socket: Socket,
    framer: Framer,
    limits: ConnectionLimits,
    client: Client,
    monotonicMs: () => number,
    events: ConnectionEvents,
  ) {
    this.#socket = socket;
    this.#framer = framer;
    this.#limits = limits;
    this.#events = events;
    this.client = client;
    this.reading = new Reading(socket);
    this.#monotonicMs = monotonicMs;
    this.#quietSinceMs = monotonicMs();
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('end', () => this.endWhenAnswered());
    socket.on('drain', () => this.#unblock());
    // The 'close' that always follows does what is to be done.
    socket.on('error', () => undefined);
    socket.on('close', () => this.#closed());
  }

  /** The oldest waiting requests, at most `count`; none while the client reads no replies. */
  take(count: number): Request[] {
    this.#isQueued = false;
    if (this.#isBlocked) return [];
    const taken = this.#waiting.length <= count ? this.#waiting : this.#waiting.slice(0, count);
    this.#waiting = this.#waiting.length <= count ? [] : this.#waiting.slice(count);
    for (const { frame } of taken) this.#waitingBytes -= heldFor(frame);
    if (this.#isFull && this.#isBelow(this.#events.share(), 0.5)) {
      this.#isFull = false;
      this.#readOn();
    }
    return taken;
  }

  get waitingCount(): number {
    return this.#waiting.length;
  }

  /** Bytes received and not framed yet, and of requests that wait until the client reads its replies. */
  get heldSize(): number {
    return this.#heldSize;
  }

  /** Sends the replies to the oldest unanswered requests, `count` of them, in one write. */
  reply(bytes: Buffer, count: number): void {
    this.#unanswered -= count;
    this.#quietSinceMs = this.#monotonicMs();
    if (this.#socket.destroyed) return;
    // The first write leaves at once anyway; many connections never have a second one.
    if (this.#hasReplied) this.#socket.setNoDelay(true);
    this.#hasReplied = true;
    this.reading.noteSent();
    if (!this.#socket.write(bytes) && !this.#isBlocked) {
      this.#isBlocked = true;
      this.#socket.pause();
      this.#account();
    }
    this.#announce();
    this.#endIfAnswered();
  }

  /** Takes no more requests, answers those at hand and closes. */
  endWhenAnswered(): void {
    this.#ending = true;
    this.#endIfAnswered();
  }

  destroy(): void {
    this.#socket.destroy();
    this.#account();
  }

  /** Closes the connection where a deadline has passed. */
  enforceDeadlines(nowMs: number): void {
    if (this.#endedAtMs !== undefined) {
      if (nowMs - this.#endedAtMs > lingerMs) this.destroy();
    } else if (this.reading.stalledForMs(nowMs) > unreadDeadlineMs) {
      this.destroy();
    } else if (this.#requestBeganMs !== undefined && !this.#isFull && !this.#isBlocked) {
      const age = nowMs - this.#requestBeganMs;
      const limit = this.#framer.isMidHeader ? this.#limits.headerDeadlineMs : this.#limits.requestDeadlineMs;
      if (age > limit) this.destroy();
    } else if (this.#unanswered === 0) {
      const limit = this.#hasSpoken ? this.#limits.idleLimitMs : this.#limits.requestDeadlineMs;
      if (nowMs - this.#quietSinceMs > limit) this.endWhenAnswered();
    }
  }

  #receive(chunk: Buffer): void {
    if (chunk.length >= largeReadMin) this.#noteRead(chunk.length);
    if (this.#ending) return;
    this.#frame(chunk);
    this.#announce();
  }

  /** What the socket has handed over before, and got back, is not read again. */
  #noteRead(size: number): void {
    const { bytesRead } = this.#socket;
    this.#events.read(Math.min(size, bytesRead - this.#bytesRead));
    this.#bytesRead = bytesRead;
  }

  /** Asks for a turn where there are requests to be answered, and a client who reads the answers. */
  #announce(): void {
    if (this.#isQueued || this.#waiting.length === 0 || this.#isBlocked) return;
    this.#isQueued = true;
    this.#events.ready(this);
  }

  /** Cuts bytes into requests until the connection is full. */
  #frame(chunk: Buffer): void {
    const receivedAtMs = this.#monotonicMs();
    const unansweredBefore = this.#unanswered;
    const share = this.#events.share();
    const used = this.#framer.push(
      chunk,
      (frame) => {
        this.#unanswered += 1;
        if (frame.refused !== undefined) this.#ending = true;
        this.#waiting.push({ frame, receivedAtMs, client: this.client });
        this.#waitingBytes += heldFor(frame);
      },
      () => this.#isBelow(share, 1),
    );
    const taken = this.#unanswered - unansweredBefore;
    if (taken > 0) this.#hasSpoken = true;
    if (used < chunk.length) {
      this.#isFull = true;
      this.#socket.pause();
      // What a socket holds itself keeps it from reading more; handed on, it would be read once more.
      this.#socket.unshift(chunk.subarray(used));
    }
    if (!this.#framer.isMidRequest || this.#ending) this.#requestBeganMs = undefined;
    else if (taken > 0 || this.#requestBeganMs === undefined) this.#requestBeganMs = receivedAtMs;
    this.#account();
  }

  #account(): void {
    const held = this.#socket.destroyed ? 0 : this.#framer.unparsedSize + this.#backlogSize;
    const change = held - this.#heldSize;
    if (change === 0) return;
    this.#heldSize = held;
    this.#events.held(this, change);
  }

  get #backlogSize(): number {
    const { readableLength } = this.#socket;
    return this.#isBlocked ? this.#waitingBytes + Math.max(readableLength, readSizeMax) : readableLength;
  }

  /** Whether what waits is less than a part of the share, or nothing. */
  #isBelow({ requests, bytes }: Share, part: number): boolean {
    const { length } = this.#waiting;
    return length === 0 || (length < requests * part && this.#waitingBytes < bytes * part);
  }

  #unblock(): void {
    this.#isBlocked = false;
    this.reading.noteSent();
    this.#account();
    this.#readOn();
    this.#announce();
  }

  /**
   * Frames what the socket holds, and goes on reading unless that has filled the connection again. As long as the socket holds
   * its high water mark, it reads no more.
   */
  #readOn(): void {
    if (this.#isBlocked) return;
    while (!this.#isFull) {
      const beyond = this.#socket.readableLength - this.#socket.readableHighWaterMark;
      if (beyond <= 0 || this.#socket.read(Math.min(beyond, pieceSizeMax)) === null) {
        this.#socket.resume();
        return;
      }
    }
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
    this.#framer.drop();
    this.#account();
    this.#events.closed(this);
  }
}

/** Bytes of memory that a whole request holds. */
function heldFor({ body, memory }: Frame): number {
  return memory?.length ?? body.size;
}
