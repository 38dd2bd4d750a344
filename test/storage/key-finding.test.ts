import { join } from 'node:path';
import type { Database } from 'better-sqlite3';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ChatKeyWriter } from '../../src/storage/chat-keys.ts';
import { openDatabase } from '../../src/storage/database.ts';
import { KeyCounts } from '../../src/storage/key-counts.ts';
import { KeyIndex, keysIndexedThroughName } from '../../src/storage/key-index.ts';
import { writeSetting } from '../../src/storage/settings.ts';
import { makeNode } from '../support/harness.ts';

/**
 * Keys are found as a Map would find them, whatever hints and index have come to: with hints for so few keys that there soon
 * is no room for more, and all of it begins anew or ends; where partitions of the index meet; with numbers so large that
 * hardly anything of a hint is left for the id, and most lead to other keys.
 */
const ids = 60;
const idOf = (number: number) => Buffer.alloc(16, number + 1);
const id = fc.nat(ids - 1);
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('post' as const), id }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('remove' as const), id }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('index' as const), rows: fc.integer({ min: 1, max: 15 }) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('learn' as const), count: fc.integer({ min: 1, max: 15 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('undo' as const), id, other: id }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reopen' as const) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

class Keys {
  readonly #file: string;
  readonly #together: number;
  #database: Database;
  #index: KeyIndex;
  #writer: ChatKeyWriter;
  readonly #model = new Map<number, string>();
  #posted = 0;

  /** Numbers are given from `start` on. */
  constructor(file: string, together: number, start: number) {
    this.#file = file;
    this.#together = together;
    [this.#database, this.#index, this.#writer] = this.#open();
    this.#change(() => {
      this.#database.exec('DELETE FROM chat_keys; DELETE FROM key_numbers; DELETE FROM coin_keys');
      writeSetting(this.#database, keysIndexedThroughName, Buffer.from(String(start)));
    });
    this.#reopen();
  }

  #open(): [Database, KeyIndex, ChatKeyWriter] {
    const database = openDatabase(this.#file);
    const index = new KeyIndex(database, { table: 8, together: this.#together });
    return [database, index, new ChatKeyWriter(database, index, new KeyCounts(database))];
  }

  #reopen(): void {
    this.#database.close();
    [this.#database, this.#index, this.#writer] = this.#open();
  }

  #change(work: () => void, isUndone = false): void {
    this.#database.exec('BEGIN IMMEDIATE');
    work();
    if (isUndone) this.#index.rollBackTo(0);
    else this.#index.commit();
    this.#database.exec(isUndone ? 'ROLLBACK' : 'COMMIT');
  }

  #post(number: number): string {
    this.#posted += 1;
    const key = `key ${this.#posted}`;
    this.#writer.put(idOf(number), { coin: { denomination: 1, serialNumber: number }, key: Buffer.from(key) }, 1);
    return key;
  }

  take(each: Step): void {
    if (each.kind === 'post') this.#change(() => this.#model.set(each.id, this.#post(each.id)));
    else if (each.kind === 'remove') this.#change(() => this.#writer.remove(idOf(each.id)));
    else if (each.kind === 'index') this.#change(() => this.#index.follower.advance(each.rows, each.rows));
    else if (each.kind === 'learn') this.#index.learnOn(each.count);
    else if (each.kind === 'reopen') this.#reopen();
    else
      this.#change(() => {
        this.#post(each.id);
        this.#writer.remove(idOf(each.other));
        this.#post(each.other);
      }, true);
    if (each.kind === 'remove') this.#model.delete(each.id);
  }

  expectAll(): void {
    for (let number = 0; number < ids; number += 1) {
      expect(this.#writer.find(idOf(number))?.key.toString()).toBe(this.#model.get(number));
    }
    const rows = this.#database.prepare<[], number>('SELECT count(*) FROM chat_keys').pluck();
    expect(rows.get()).toBe(this.#model.size);
  }

  close(): void {
    this.#database.close();
  }
}

it.each([
  [16, 0],
  [40, 0],
  [100, 0],
  [100_000, 0],
  [100, 2 ** 20 - 15],
  [100_000, 2 ** 20 - 15],
  [100, 2 ** 24],
  [100_000, 2 ** 24],
])('keys are found, with hints in %i slots at most, numbered from %i on', (together, start) => {
  const file = join(makeNode(), 'node.db');
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 150 }), (steps) => {
      const keys = new Keys(file, together, start);
      for (const each of steps) {
        keys.take(each);
        keys.expectAll();
      }
      keys.close();
    }),
    { numRuns: 40 },
  );
});
