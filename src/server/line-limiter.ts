import type { Logger } from '../logger.ts';

const linesPerSecond = 20;

/** Keeps a flood of one kind of line from filling the log: some a second, and how many were left out. */
export class LineLimiter {
  readonly #logger: Logger;
  readonly #monotonicMs: () => number;
  #secondStart = 0;
  #written = 0;
  #leftOut = 0;

  constructor(logger: Logger, monotonicMs: () => number) {
    this.#logger = logger;
    this.#monotonicMs = monotonicMs;
  }

  info(fields: object, message: string): void {
    this.#limit('info', fields, message);
  }

  warn(fields: object, message: string): void {
    this.#limit('warn', fields, message);
  }

  error(fields: object, message: string): void {
    this.#limit('error', fields, message);
  }

  #limit(level: 'info' | 'warn' | 'error', fields: object, message: string): void {
    if (!this.#logger.isLevelEnabled(level)) return;
    const now = this.#monotonicMs();
    if (now - this.#secondStart >= 1_000) {
      if (this.#leftOut > 0) this.#logger[level]({ leftOut: this.#leftOut }, `${message}: more than shown`);
      this.#secondStart = now;
      this.#written = 0;
      this.#leftOut = 0;
    }
    if (this.#written < linesPerSecond) {
      this.#written += 1;
      this.#logger[level](fields, message);
    } else {
      this.#leftOut += 1;
    }
  }
}
