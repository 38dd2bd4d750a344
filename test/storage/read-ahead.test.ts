import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { Store, type Writer } from '../../src/storage/store.ts';
import { makeNode, openBeside, openStore } from '../support/harness.ts';
import { type PatientRows, readAheadPatiently } from '../support/patient-rows.ts';

/** Keys that a thread of its own reads before they are needed: what is found is what stands there, whatever came between. */
const coin = { denomination: 1, serialNumber: 300 };
const ids = Array.from({ length: 20 }, (_, index) => Buffer.alloc(16, index + 1));
const id = (index: number) => ids[index] ?? Buffer.alloc(16);
const fileOf = (directory: string) => join(directory, 'node.db');

function put({ chatKeys }: Writer, index: number, key: string): void {
  chatKeys.put(id(index), { coin, key: Buffer.from(key) }, 1);
}

function nodeWithKeys(): string {
  const directory = makeNode();
  const store = Store.open(directory);
  store.write((writer) => {
    for (const index of ids.keys()) put(writer, index, `key ${index}`);
  });
  store.close();
  return directory;
}

function storeAt(directory: string): Store {
  const store = openStore(directory);
  while (store.learnKeyIds(1_000));
  return store;
}

function startReadingAhead(): { store: Store; rows: PatientRows } {
  const directory = nodeWithKeys();
  const store = storeAt(directory);
  return { store, rows: readAheadPatiently(store, fileOf(directory)) };
}

/** Says of all keys that they will be looked for, each in the turn of its number. */
function expectAll({ chatKeys }: Pick<Writer, 'chatKeys'>): void {
  expect(chatKeys.beginExpecting(ids.length)).toBe(true);
  for (const [turn, each] of ids.entries()) chatKeys.expect(each, turn);
}

function keyOf({ chatKeys }: Pick<Writer, 'chatKeys'>, index: number): string | undefined {
  chatKeys.reachTurn(index);
  return chatKeys.find(id(index))?.key.toString();
}

describe('keys that are read ahead', () => {
  it('are found, and none of them is read again', () => {
    const { store, rows } = startReadingAhead();
    store.write((writer) => {
      expectAll(writer);
      expect(ids.map((_, index) => keyOf(writer, index))).toEqual(ids.map((_, index) => `key ${index}`));
    });
    expect([rows.asked, rows.handedOver]).toEqual([ids.length, ids.length]);
  });

  it('are found in any turn, also by who expected others, or none', () => {
    const { store, rows } = startReadingAhead();
    const passed = vi.spyOn(rows, 'pass');
    store.read(({ chatKeys }) => {
      expect(chatKeys.beginExpecting(ids.length)).toBe(true);
      for (const [turn, index] of [
        [0, 3],
        [2, 5],
        [3, 5],
        [4, 6],
        [7, 7],
      ] as const)
        chatKeys.expect(id(index), turn);
      chatKeys.expect(Buffer.alloc(16, 0xff), 8);
      const found = (
        [
          [0, 3],
          [0, 3],
          [1, 9],
          [2, 8],
          [3, 5],
          [7, 7],
          [9, 5],
        ] as const
      ).map(([turn, index]) => {
        chatKeys.reachTurn(turn);
        return chatKeys.find(id(index))?.key.toString();
      });
      expect(found).toEqual(['key 3', 'key 3', 'key 9', 'key 8', 'key 5', 'key 7', 'key 5']);
      expect(chatKeys.find(Buffer.alloc(16, 0xff))).toBeUndefined();
    });
    expect([rows.asked, rows.handedOver]).toEqual([5, 4]);
    expect(passed.mock.calls.flat(), 'what is past need not be read, and in the end nothing').toEqual([1, 2, 4, 5, 5]);
  });

  it('are what this transaction has made of them', () => {
    const { store, rows } = startReadingAhead();
    store.write((writer) => {
      expect(writer.chatKeys.beginExpecting(ids.length)).toBe(true);
      put(writer, 10, 'before it was asked for');
      for (const [turn, each] of ids.entries()) writer.chatKeys.expect(each, turn);
      put(writer, 4, 'another');
      writer.chatKeys.remove(id(6));
      put(writer, 8, 'another');
      put(writer, 8, 'and another');
      expect([3, 4, 5, 6, 7, 8, 9, 10].map((index) => keyOf(writer, index))).toEqual([
        'key 3',
        'another',
        'key 5',
        undefined,
        'key 7',
        'and another',
        'key 9',
        'before it was asked for',
      ]);
      writer.chatKeys.remove(id(8));
      put(writer, 6, 'again');
      expect([keyOf(writer, 8), keyOf(writer, 6)]).toEqual([undefined, 'again']);
    });
    expect(rows.asked).toBe(ids.length);
    expect(rows.handedOver).toBeGreaterThan(3);
  });

  it('are what earlier transactions have made of them, and what was undone is undone', () => {
    const { store, rows } = startReadingAhead();
    for (let round = 0; round < 5; round += 1) {
      store.write((writer) => {
        expectAll(writer);
        put(writer, 2, `of round ${round}`);
      });
      store.write((writer) => expect(keyOf(writer, 2)).toBe(`of round ${round}`));
      const undo = () =>
        store.write((writer) => {
          expectAll(writer);
          put(writer, 2, 'undone');
          throw new Error('undone');
        });
      expect(undo).toThrow('undone');
      store.read((reader) => expect(keyOf(reader as Writer, 2)).toBe(`of round ${round}`));
      store.write((writer) => {
        expectAll(writer);
        expect(() =>
          writer.savepoint(() => {
            put(writer, 2, 'undone');
            throw new Error('undone');
          }),
        ).toThrow('undone');
        expect(keyOf(writer, 2)).toBe(`of round ${round}`);
      });
    }
    expect(rows.asked).toBe(15 * ids.length);
  });

  it('are of no use to other transactions', () => {
    const { store, rows } = startReadingAhead();
    store.write((writer) => {
      expectAll(writer);
      put(writer, 2, 'another');
    });
    store.read((reader) => expect(keyOf(reader as Writer, 3)).toBe('key 3'));
    const undone = () =>
      store.write((writer) => {
        expectAll(writer);
        throw new Undone();
      });
    expect(undone).toThrow(Undone);
    store.read((reader) => expect(keyOf(reader as Writer, 3)).toBe('key 3'));
    expect(rows.handedOver).toBe(0);
    store.write((writer) => {
      expectAll(writer);
      expect(keyOf(writer, 2), 'what was changed before is read ahead').toBe('another');
    });
    expect(rows.handedOver).toBe(1);
  });

  it('are read again where what was read is not sound', () => {
    const { store, rows } = startReadingAhead();
    vi.spyOn(rows, 'readInto').mockImplementation((values) => {
      values.readBytes(Buffer.from('7;7;7;torn'), 0, 10);
      return true;
    });
    store.write((writer) => {
      expectAll(writer);
      expect(keyOf(writer, 3)).toBe('key 3');
    });
  });

  it('are not served where they were changed where they lie, and leave the others alone', () => {
    const directory = nodeWithKeys();
    openBeside(directory).prepare("UPDATE chat_keys SET key = CAST('changed' AS BLOB) WHERE number = 3").run();
    const store = storeAt(directory);
    const rows = readAheadPatiently(store, fileOf(directory));
    store.read((reader) => {
      expectAll(reader as Writer);
      expect(() => keyOf(reader as Writer, 2)).toThrow('key 0303');
      expect(keyOf(reader as Writer, 3)).toBe('key 3');
    });
    expect(rows.handedOver).toBe(3);
  });

  it('are not read ahead where it is not worth it', () => {
    const directory = nodeWithKeys();
    const store = storeAt(directory);
    expect(store.read(({ chatKeys }) => chatKeys.beginExpecting(1_000))).toBe(false);
    const rows = readAheadPatiently(store, fileOf(directory));
    store.read((reader) => {
      expect(reader.chatKeys.beginExpecting(15)).toBe(false);
      expect(keyOf(reader as Writer, 1)).toBe('key 1');
    });
    expect(rows.asked).toBe(0);
  });
});

const anId = fc.nat(7);
const transactions = fc.array(
  fc.record({
    steps: fc.array(
      fc.record({
        kind: fc.constantFrom('find', 'find', 'find', 'put', 'remove'),
        index: anId,
        expected: fc.oneof(fc.constant('the same' as const), fc.constant('nothing' as const), anId),
      }),
      { maxLength: 12 },
    ),
    isUndone: fc.boolean(),
  }),
  { maxLength: 12 },
);

describe('keys of a Map', () => {
  it('are those that are found, whatever was expected, changed and undone', () => {
    const directory = makeNode();
    const store = storeAt(directory);
    const rows = readAheadPatiently(store, fileOf(directory), 2);
    let posted = 0;
    let runs = 0;
    const property = fc.property(transactions, (all) => {
      runs += 1;
      // Ids that went lead to where they were.
      const idOf = (index: number) => Buffer.alloc(16, `${runs}:${index};`);
      let model = new Map(Array.from({ length: 6 }, (_, index) => [index, `first key ${index}`]));
      store.write(({ chatKeys }) => {
        for (const [index, key] of model) chatKeys.put(idOf(index), { coin, key: Buffer.from(key) }, 1);
      });
      for (const { steps, isUndone } of all) {
        const before = new Map(model);
        const run = () =>
          store.write((writer) => {
            expect(writer.chatKeys.beginExpecting(16)).toBe(true);
            for (const [turn, { index, expected }] of steps.entries()) {
              if (expected === 'nothing') continue;
              writer.chatKeys.expect(idOf(expected === 'the same' ? index : expected), turn);
            }
            for (const [turn, { kind, index }] of steps.entries()) {
              writer.chatKeys.reachTurn(turn);
              if (kind === 'find') expect(writer.chatKeys.find(idOf(index))?.key.toString()).toBe(model.get(index));
              if (kind === 'remove') {
                writer.chatKeys.remove(idOf(index));
                model.delete(index);
              }
              if (kind !== 'put') continue;
              posted += 1;
              writer.chatKeys.put(idOf(index), { coin, key: Buffer.from(`key ${posted}`) }, 1);
              model.set(index, `key ${posted}`);
            }
            if (isUndone) throw new Undone();
          });
        if (!isUndone) run();
        else {
          expect(run).toThrow(Undone);
          model = before;
        }
      }
    });
    fc.assert(property, { numRuns: 300 });
    expect(rows.handedOver).toBeGreaterThan(1_000);
  });
});

class Undone extends Error {}
