import { statSync } from 'node:fs';

const quietAfterMs = 200;

/** Whether anybody commits to a database, seen from outside: a held snapshot does not show it. */
export class WalActivity {
  readonly #path: string;
  readonly #now: () => number;

  /** `now` is the wall clock, which files are stamped with. */
  constructor(database: string, now: () => number) {
    this.#path = `${database}-wal`;
    this.#now = now;
  }

  isBusy(): boolean {
    const modified = statSync(this.#path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    return Math.abs(this.#now() - modified) < quietAfterMs;
  }
}
