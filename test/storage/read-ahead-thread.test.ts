import { closeSync, existsSync, openSync, rmSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { ReadAhead } from '../../src/storage/read-ahead.ts';
import { Store } from '../../src/storage/store.ts';
import { makeNode, openBeside, openStore, serveNode } from '../support/harness.ts';
import { addKeyNumbered } from '../support/many-keys.ts';
import { readAheadPatiently } from '../support/patient-rows.ts';

/** The thread that reads keys ahead: when there is one, what it does to others, and what becomes of them without it. */
const coin = { denomination: 1, serialNumber: 300 };
const ids = Array.from({ length: 200 }, (_, index) => Buffer.alloc(16, `${index};`));
const last = ids.slice(-20);
const fileOf = (directory: string) => join(directory, 'node.db');

function storeWithKeys(): { store: Store; file: string } {
  const directory = makeNode();
  const store = openStore(directory);
  store.write(({ chatKeys }) => {
    for (const id of ids) chatKeys.put(id, { coin, key: Buffer.alloc(100, 1) }, 1);
  });
  while (store.learnKeyIds(1_000));
  return { store, file: fileOf(directory) };
}

describe('a thread that reads ahead', () => {
  it('holds no state of the database while nobody asks', async () => {
    const { store, file } = storeWithKeys();
    const rows = readAheadPatiently(store, file);
    store.write(({ chatKeys }) => {
      expect(chatKeys.beginExpecting(last.length)).toBe(true);
      for (const [turn, id] of last.entries()) chatKeys.expect(id, turn);
      chatKeys.put(last[0] ?? Buffer.alloc(0), { coin, key: Buffer.alloc(100, 2) }, 1);
    });
    expect(rows.asked).toBe(last.length);
    const beside = openBeside(dirname(file));
    const restarted = () => beside.pragma('wal_checkpoint(RESTART)') as { busy: number }[];
    await expect.poll(() => restarted()[0]?.busy, { timeout: 3_000 }).toBe(0);
  });

  it('goes on where a row cannot be read', () => {
    const { store, file } = storeWithKeys();
    const page = openBeside(dirname(file))
      .prepare<[], number>("SELECT min(pageno) FROM dbstat WHERE name = 'chat_keys' AND pagetype = 'leaf'")
      .pluck()
      .get();
    store.checkpoint();
    const damaged = openSync(file, 'r+');
    writeSync(damaged, Buffer.alloc(4_096, 0xff), 0, 4_096, ((page ?? 0) - 1) * 4_096);
    closeSync(damaged);
    const rows = readAheadPatiently(store, file, 50);
    for (let round = 1; round < 3; round += 1) {
      store.read(({ chatKeys }) => {
        expect(chatKeys.beginExpecting(ids.length)).toBe(true);
        for (const [turn, id] of [...last, ...ids.slice(0, 1), ...last].entries()) chatKeys.expect(id, turn);
        for (const [index, id] of last.entries()) {
          chatKeys.reachTurn(last.length + 1 + index);
          expect(chatKeys.find(id)?.key).toHaveLength(100);
        }
      });
      expect(rows.handedOver).toBe(last.length * round);
    }
  });

  it('is done without when it is no more', async () => {
    const { store, file } = storeWithKeys();
    const failure = new Promise<Error>((resolve) => {
      const ahead = new ReadAhead(join(file, 'missing', 'node.db'), resolve);
      store.read(({ chatKeys }) => chatKeys.readAheadBy(ahead));
      onTestFinished(() => ahead.stop());
    });
    expect((await failure).message).toContain('directory does not exist');
    store.read(({ chatKeys }) => {
      expect(chatKeys.beginExpecting(last.length)).toBe(true);
      for (const [turn, id] of last.entries()) chatKeys.expect(id, turn);
      for (const id of last) expect(chatKeys.find(id)?.key).toHaveLength(100);
    });
  });
});

describe('a store', () => {
  async function readsAheadAt(number: number, processors: number): Promise<boolean> {
    const directory = makeNode();
    addKeyNumbered(directory, number);
    const store = Store.open(directory);
    const failures: Error[] = [];
    for (let time = 0; time < 2; time += 1) store.readAheadWhereMany((error) => failures.push(error), processors);
    const isOfUse = store.read(({ chatKeys }) => chatKeys.beginExpecting(16));
    const stopped = vi.spyOn(ReadAhead.prototype, 'stop');
    await store.stopThreads();
    expect(stopped).toHaveBeenCalledTimes(isOfUse ? 1 : 0);
    stopped.mockRestore();
    expect(store.read(({ chatKeys }) => chatKeys.beginExpecting(16))).toBe(false);
    store.close();
    expect(existsSync(`${fileOf(directory)}-wal`), 'whoever closes last removes it').toBe(false);
    expect(failures).toEqual([]);
    return isOfUse;
  }

  it('expects nothing of a thread that has failed', async () => {
    const directory = makeNode();
    addKeyNumbered(directory, 262_144);
    const store = openStore(directory);
    // What the store has open stays.
    rmSync(fileOf(directory));
    const failure = await new Promise<Error>((resolve) => store.readAheadWhereMany(resolve, 2));
    expect(failure.message).toContain('unable to open database file');
    expect(store.read(({ chatKeys }) => chatKeys.beginExpecting(16))).toBe(false);
  });

  it('is asked again and again by its node whether there are many keys', async () => {
    const asked = vi.spyOn(Store.prototype, 'readAheadWhereMany');
    onTestFinished(() => asked.mockRestore());
    await serveNode(makeNode());
    await expect.poll(() => asked.mock.calls.length, { timeout: 5_000 }).toBeGreaterThan(1);
  });

  it('reads keys ahead where there are many', async () => {
    expect(await readsAheadAt(262_143, 2)).toBe(false);
    expect(await readsAheadAt(262_144, 2)).toBe(true);
    expect(await readsAheadAt(262_144, 1), 'a thread needs a processor').toBe(false);
  });
});
