import type { Socket } from 'node:net';

/** What counts as unread at least, and what as having read on: less may be on its way over a slow line. */
const unreadSizeMin = 16_384;
const readOnSizeMin = 4_096;

/** Whether a client reads its replies: whether the system has room for them, and whether the client's system takes them. */
export class Reading {
  readonly #socket: Socket;
  /** Since when there have been replies that the system had no room for. */
  #unsentSinceMs: number | undefined;
  /** How much of its replies the client had taken when it last read on, and since when it has not. */
  #takenSize = 0;
  #untakenSinceMs: number | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Bytes of replies so far. */
  get repliedSize(): number {
    return this.#socket.bytesWritten;
  }

  get clientPort(): number | undefined {
    return this.#socket.remotePort;
  }

  /** Whether much may be unread: then `UnreadReplies` has to look. */
  get mayBeBehind(): boolean {
    return this.#untakenSinceMs !== undefined || this.repliedSize - this.#takenSize >= unreadSizeMin;
  }

  /** Of `repliedSize` bytes so many had not reached the client. */
  noteUnread(unreadSize: number, repliedSize: number, nowMs: number): void {
    const takenSize = repliedSize - unreadSize;
    if (unreadSize >= unreadSizeMin && takenSize < this.#takenSize + readOnSizeMin) {
      this.#untakenSinceMs ??= nowMs;
    } else {
      this.#untakenSinceMs = undefined;
      this.#takenSize = takenSize;
    }
  }

  /** To be called before each write and when all is sent, so that who reads slowly is not taken for one who does not. */
  noteSent(): void {
    if (this.#socket.writableLength === 0) this.#unsentSinceMs = undefined;
  }

  /** Milliseconds since the client last took something, where there is something to take. */
  stalledForMs(nowMs: number): number {
    this.noteSent();
    if (this.#socket.writableLength > 0) this.#unsentSinceMs ??= nowMs;
    return nowMs - Math.min(this.#unsentSinceMs ?? nowMs, this.#untakenSinceMs ?? nowMs);
  }
}
