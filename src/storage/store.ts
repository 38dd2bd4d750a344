import { Buffer } from 'node:buffer';
import { renameSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Database } from 'better-sqlite3';
import type { RandomSource } from '../domain/random.ts';
import { type CopyProgress, copyDatabase } from './backup/copy-database.ts';
import { type ChatKeyReader, ChatKeyWriter } from './chat-keys.ts';
import { type CoinPageReader, CoinPageWriter } from './coin-pages.ts';
import { coinsDirectoryName, databaseFileName } from './data-directory.ts';
import { openDatabase, StorageError, sqliteVersion } from './database.ts';
import { EncryptionCoins } from './encryption-coins.ts';
import { EventIndex } from './event-index.ts';
import { type EventHead, type EventReader, EventWriter } from './events.ts';
import { isDiskFull } from './failure.ts';
import { anchorMismatch, LossDetected, renewAnchor, writeAnchor } from './head-anchor.ts';
import { Indexes } from './indexes.ts';
import { KeyCounts } from './key-counts.ts';
import { KeyIndex, keysIndexedThroughName } from './key-index.ts';
import { migrateDatabase } from './migrate.ts';
import { ReadAhead } from './read-ahead.ts';
import { ReconstructionReader } from './reconstructions.ts';
import { ReplayWindow } from './replay-window.ts';
import { Retention } from './retention.ts';
import { appliedMigrations } from './schema-version.ts';
import { seal, sealingKeySize, unseal } from './seal.ts';
import {
  type NodeIdentity,
  readIdentity,
  readSealingKey,
  readSetting,
  writeIdentity,
  writeSetting,
} from './settings.ts';
import { memoryOf } from './store-memory.ts';
import { StoreThread, type StoreThreadFailures } from './store-thread.ts';
import { syncDirectory } from './sync.ts';
import { type TicketReader, TicketWriter } from './tickets.ts';
import { Transactions } from './transactions.ts';

export interface Reader {
  readonly coins: CoinPageReader;
  readonly chatKeys: ChatKeyReader;
  readonly tickets: TicketReader;
  readonly events: EventReader;
  readonly encryptionCoins: EncryptionCoins;
  readonly replays: Pick<ReplayWindow, 'look'>;
  readonly reconstructions: ReconstructionReader;
}

export interface Writer extends Reader {
  readonly coins: CoinPageWriter;
  readonly chatKeys: ChatKeyWriter;
  readonly tickets: TicketWriter;
  readonly events: EventWriter;
  readonly eventIndex: EventIndex;
  readonly keyIndex: KeyIndex;
  readonly keyCounts: KeyCounts;
  readonly replays: ReplayWindow;
  readonly retention: Retention;
  /** Encrypts what must be kept but not seen; `context` binds it to its place. */
  seal(context: string, clear: Buffer, random: RandomSource): Buffer;
  unseal(context: string, sealed: Buffer): Buffer;
  /** Runs work that is undone alone when it throws. */
  savepoint<T>(work: () => T): T;
  /** Throws TransactionLost where an error has ended the transaction; going on would write outside of one. */
  assertActive(cause: unknown): void;
}

/** The number of the newest key: with fewer, rows are in SQLite's cache, and a thread takes 12 MB. */
const keysReadAhead = 262_144;

/** Without a commit for so long, nobody is in a hurry. */
const quietAfterMs = 200;

/**
 * The only door to the database. Work is synchronous and runs inside one transaction; throwing is the rollback.
 * When `write` has returned, its work is on disk.
 */
export class Store {
  readonly identity: NodeIdentity;
  readonly indexes: Indexes;
  /** What is missing and was accepted as lost when the database was opened. */
  acceptedLoss: string | undefined;
  readonly #directory: string;
  readonly #database: Database;
  readonly #transactions: Transactions;
  readonly #reader: Reader;
  readonly #writer: Writer;
  #thread: StoreThread | undefined;
  #readAhead: ReadAhead | undefined;

  /**
   * Opens the database of an existing node and brings it to this program's schema. Throws LossDetected where it is not
   * what the anchor beside it says it was, unless that loss is accepted.
   */
  static open(directory: string, acceptLoss = false): Store {
    let loss: string | undefined;
    const store = Store.#opened(directory, (database) => {
      loss = appliedMigrations(database) === 0 ? undefined : anchorMismatch(directory, database);
      if (loss !== undefined && !acceptLoss) throw new LossDetected(directory, loss);
      migrateDatabase(database);
      const identity = readIdentity(database);
      if (identity === undefined) throw new StorageError('the database belongs to no node: it has no identity');
      if (readSetting(database, keysIndexedThroughName) === undefined) writeKeysIndexed(database);
      return identity;
    });
    store.acceptedLoss = loss;
    return store;
  }

  /**
   * Makes the database of a new node, its sealing key taken from `random`. It has its name only when it is whole: cut off
   * before that, there is no node.
   */
  static create(directory: string, identity: NodeIdentity, random: RandomSource): Store {
    const file = join(directory, databaseFileName);
    const unfinished = `${file}.new`;
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${unfinished}${suffix}`, { force: true });
    const database = openDatabase(unfinished);
    try {
      migrateDatabase(database);
      database.transaction(() => writeIdentity(database, identity, random.bytes(sealingKeySize))).immediate();
    } finally {
      database.close();
    }
    renameSync(unfinished, file);
    syncDirectory(directory);
    return Store.open(directory);
  }

  static #opened(directory: string, prepare: (database: Database) => NodeIdentity): Store {
    const database = openDatabase(join(directory, databaseFileName));
    try {
      return new Store(database, directory, prepare(database));
    } catch (error) {
      database.close();
      throw error;
    }
  }

  private constructor(database: Database, directory: string, identity: NodeIdentity) {
    const sealingKey = readSealingKey(database);
    if (sealingKey === undefined) throw new StorageError('the database has no sealing key');
    const keyIndex = new KeyIndex(database);
    const keyCounts = new KeyCounts(database);
    const encryptionCoins = new EncryptionCoins(join(directory, coinsDirectoryName), identity.coinId);
    this.identity = identity;
    this.#directory = directory;
    this.#database = database;
    this.#writer = {
      coins: new CoinPageWriter(database),
      chatKeys: new ChatKeyWriter(database, keyIndex, keyCounts),
      keyIndex,
      keyCounts,
      eventIndex: new EventIndex(database),
      tickets: new TicketWriter(database),
      events: new EventWriter(database),
      encryptionCoins,
      replays: new ReplayWindow(database),
      reconstructions: new ReconstructionReader(database),
      retention: new Retention(database),
      seal: (context, clear, random) => seal(sealingKey, context, clear, random),
      unseal: (context, sealed) => unseal(sealingKey, context, sealed),
      savepoint: (work) => this.#transactions.savepoint(work),
      assertActive: (cause) => this.#transactions.assertActive(cause),
    };
    this.#reader = this.#writer;
    this.#transactions = new Transactions(database, memoryOf(this.#writer));
    this.indexes = new Indexes({
      keys: keyIndex.follower,
      events: this.#writer.eventIndex.follower,
      write: (work) => this.#transactions.write(work),
    });
  }

  /** One consistent view; takes no write lock. */
  read<T>(work: (reader: Reader) => T): T {
    return this.#transactions.read(() => work(this.#reader));
  }

  /** One transaction that holds the write lock from its start. */
  write<T>(work: (writer: Writer) => T): T {
    return this.#transactions.write(() => work(this.#writer));
  }

  /**
   * Has a thread of its own make checkpoints until `stopThreads`, and sort for the indexes where there is a processor for that.
   */
  startThread(failures: StoreThreadFailures, processors = availableParallelism()): void {
    this.#database.pragma('wal_autocheckpoint = 0');
    this.#thread = new StoreThread(this.#database, this.indexes, processors > 1, failures);
  }

  /** Ends the threads that work for this store. */
  async stopThreads(): Promise<void> {
    this.#writer.chatKeys.readAheadBy(undefined);
    await Promise.all([this.#thread?.stop(), this.#readAhead?.stop()]);
    this.#thread = undefined;
  }

  /**
   * Where there have been many keys, has them read ahead by a thread of its own until `stopThreads`; `failed` hears of it
   * when that goes on no more. To be called now and then.
   */
  readAheadWhereMany(failed: (error: Error) => void, processors = availableParallelism()): void {
    const { chatKeys, keyIndex } = this.#writer;
    if (this.#readAhead !== undefined || keyIndex.newest < keysReadAhead || processors === 1) return;
    this.#readAhead = new ReadAhead(this.#database.name, (error) => {
      chatKeys.readAheadBy(undefined);
      failed(error);
    });
    chatKeys.readAheadBy(this.#readAhead);
  }

  /** Copies the database into a new file beside the work of this store, a few pages at a time. */
  copyTo(target: string, monotonicMs: () => number, progress: CopyProgress): Promise<void> {
    let seen = this.#transactions.committed;
    let seenAtMs = Number.NEGATIVE_INFINITY;
    const isBusy = () => {
      const now = monotonicMs();
      if (this.#transactions.committed !== seen) seenAtMs = now;
      seen = this.#transactions.committed;
      return now - seenAtMs < quietAfterMs;
    };
    return copyDatabase(this.#database, { target, monotonicMs, isBusy, progress });
  }

  /** Moves what the WAL holds into the database file as far as readers allow, without waiting for anyone. */
  checkpoint(): void {
    this.#database.pragma('main.wal_checkpoint(PASSIVE)');
  }

  /** Stored keys; undefined until `countKeys` has come to its end. */
  keyCount(): number | undefined {
    return this.#writer.keyCounts.known;
  }

  /** Counts the next keys, at most `count` of them; false when all are counted. */
  countKeys(count: number): boolean {
    return this.#writer.keyCounts.countOn(count);
  }

  /**
   * Learns where keys stand, of at most `count` ids; false when there are none to be learnt now. Known keys are then found,
   * and new ids stored, without a look into the index.
   */
  learnKeyIds(count: number): boolean {
    return this.#writer.keyIndex.learnOn(count);
  }

  sqliteVersion(): string {
    return sqliteVersion(this.#database);
  }

  /** The newest event that is on disk. */
  head(): EventHead {
    return this.#reader.events.head();
  }

  /** Tells the anchor how far the event chain has come on disk. */
  renewAnchor(): Promise<void> {
    return renewAnchor(this.#directory, this.head());
  }

  /** Closing twice does nothing. What cannot be tidied up on a full disk is no loss: the next start does it. */
  close(): void {
    if (!this.#database.open) return;
    try {
      this.#database.pragma('main.wal_checkpoint(TRUNCATE)');
      writeAnchor(this.#directory, this.head());
    } catch (error) {
      if (!isDiskFull(error)) throw error;
    } finally {
      this.#database.close();
    }
  }
}

/** The migration that made the index of keys filled it; a setting it could not write, for its checksum. */
function writeKeysIndexed(database: Database): void {
  const newest = database.prepare<[], number>('SELECT coalesce(max(number), 0) FROM chat_keys').pluck().get() ?? 0;
  writeSetting(database, keysIndexedThroughName, Buffer.from(String(newest)));
}
