import type { Database, Statement } from 'better-sqlite3';

/** What is remembered in memory of a transaction, and has to be forgotten with it. */
export interface Memory {
  /** A place to which `rollBackTo` can return. */
  mark(): Mark;
  /** Writes what the transaction has left for its end. */
  beforeCommit(): void;
  commit(): void;
  rollBackTo(mark: Mark): void;
}

/** How much each kind of memory had done; 0 is where the transaction starts. */
export interface Mark {
  readonly keys: number;
  readonly requests: number;
}

const start: Mark = { keys: 0, requests: 0 };

/** SQLite itself has rolled the whole transaction back, as it does when the disk is full: nothing of the batch stands. */
export class TransactionLost extends Error {
  constructor(cause: unknown) {
    super('the transaction was rolled back', { cause });
    this.name = 'TransactionLost';
  }
}

/** Runs synchronous work in transactions of one connection; throwing is the rollback, of the database and of memory alike. */
export class Transactions {
  readonly #database: Database;
  readonly #memory: Memory;
  readonly #begin: Statement;
  readonly #lock: Statement;
  readonly #commit: Statement;
  readonly #rollback: Statement;
  readonly #savepoint: Statement;
  readonly #release: Statement;
  readonly #rollbackTo: Statement;
  /** How many were committed so far. */
  committed = 0;

  constructor(database: Database, memory: Memory) {
    this.#database = database;
    this.#memory = memory;
    this.#begin = database.prepare('BEGIN');
    // BEGIN IMMEDIATE would lock attached databases as well, which are in other hands at times.
    this.#lock = database.prepare('DELETE FROM main.settings WHERE false');
    this.#commit = database.prepare('COMMIT');
    this.#rollback = database.prepare('ROLLBACK');
    this.#savepoint = database.prepare('SAVEPOINT request');
    this.#release = database.prepare('RELEASE request');
    this.#rollbackTo = database.prepare('ROLLBACK TO request');
  }

  /** One consistent view; takes no write lock. */
  read<T>(work: () => T): T {
    return this.#run(work);
  }

  /** Holds the write lock from its start. */
  write<T>(work: () => T): T {
    return this.#run(() => {
      this.#lock.run();
      return work();
    });
  }

  /** Runs work that is undone alone when it throws. */
  savepoint<T>(work: () => T): T {
    this.#savepoint.run();
    const mark = this.#memory.mark();
    try {
      const result = work();
      this.#release.run();
      return result;
    } catch (error) {
      this.assertActive(error);
      this.#memory.rollBackTo(mark);
      this.#rollbackTo.run();
      this.#release.run();
      throw error;
    }
  }

  /** Throws TransactionLost where an error has ended the transaction; going on would write outside of one. */
  assertActive(cause: unknown): void {
    if (!this.#database.inTransaction) throw new TransactionLost(cause);
  }

  #run<T>(work: () => T): T {
    this.#begin.run();
    try {
      const result = work();
      // Outside of a transaction, what is written now would stay.
      this.assertActive(undefined);
      this.#memory.beforeCommit();
      this.#commit.run();
      this.#memory.commit();
      this.committed += 1;
      return result;
    } catch (error) {
      this.#memory.rollBackTo(start);
      if (this.#database.inTransaction) this.#rollback.run();
      throw error;
    }
  }
}
