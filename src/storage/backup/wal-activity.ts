import { statSync } from 'node:fs';

const quietAfterMs = 200;

/** Whether anybody commits to a database, seen from outside: a held snapshot does not show it. */
export class WalActivity {
  readonly #path: string;

  constructor(database: string) {
    this.#path = `${database}-wal`;
  }

  isBusy(): boolean {
    const modified = statSync(this.#path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    return Math.abs(Date.now() - modified) < quietAfterMs;
  }
}
