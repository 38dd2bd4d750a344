import { createReadStream, existsSync } from 'node:fs';
import type { Logger } from '../logger.ts';
import { LineLimiter } from './line-limiter.ts';
import type { Reading } from './reading.ts';

/** Sees which clients have stopped reading, where much may be unread. */
export class UnreadReplies {
  readonly #port: number;
  readonly #monotonicMs: () => number;
  readonly #failures: LineLimiter;
  #isLooking = false;

  /** `port` is the one that clients connect to. */
  constructor(port: number, logger: Logger, monotonicMs: () => number) {
    this.#port = port;
    this.#monotonicMs = monotonicMs;
    this.#failures = new LineLimiter(logger, monotonicMs);
  }

  async look(readings: readonly Reading[]): Promise<void> {
    if (this.#isLooking) return;
    const looked = readings
      .filter((reading) => reading.mayBeBehind)
      .map((reading) => ({ reading, repliedSize: reading.repliedSize }));
    if (looked.length === 0) return;
    this.#isLooking = true;
    try {
      const unread = await readUnread(this.#port);
      const now = this.#monotonicMs();
      for (const { reading, repliedSize } of looked)
        reading.noteUnread(unread.get(reading.clientPort ?? 0) ?? 0, repliedSize, now);
    } catch (error) {
      // Nobody is closed for what could not be seen.
      for (const { reading, repliedSize } of looked) reading.noteUnread(0, repliedSize, this.#monotonicMs());
      this.#failures.warn({ err: error }, 'no way to see what clients have not read');
    } finally {
      this.#isLooking = false;
    }
  }
}

const tables = ['/proc/net/tcp', '/proc/net/tcp6'];

/**
 * Bytes that the system has taken from this program for clients and that their systems have not acknowledged, by the clients'
 * ports; where two clients have the same port, the smaller number. Nothing else tells early who never reads: the system
 * takes megabytes of replies before a write has to wait. Empty where there is no /proc/net (proc_pid_net(5)).
 */
async function readUnread(serverPort: number): Promise<ReadonlyMap<number, number>> {
  const unread = new Map<number, number>();
  const local = serverPort.toString(16).toUpperCase().padStart(4, '0');
  // "  12: 0100007F:C356 0100007F:9C40 01 0000A200:00000000 ...": local and remote address, state (1 is open, 8 half closed by
  // the client), bytes to send.
  const line = new RegExp(`: [0-9A-F]+:${local} [0-9A-F]+:([0-9A-F]{4}) 0[18] ([0-9A-F]{8}):`, 'g');
  for (const table of tables.filter((path) => existsSync(path))) {
    let rest = '';
    // In pieces: after many short connections such a table has tens of thousands of lines.
    for await (const chunk of createReadStream(table, { encoding: 'latin1' })) {
      const text = `${rest}${chunk}`;
      const whole = text.lastIndexOf('\n') + 1;
      rest = text.slice(whole);
      for (const [, portText = '', sizeText = ''] of text.slice(0, whole).matchAll(line)) {
        const [port, size] = [Number.parseInt(portText, 16), Number.parseInt(sizeText, 16)];
        unread.set(port, Math.min(size, unread.get(port) ?? size));
      }
    }
  }
  return unread;
}
