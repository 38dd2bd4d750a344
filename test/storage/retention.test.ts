import { describe, expect, it } from 'vitest';
import { Exchange, fixedNow, makeNode, openBeside, openStore } from '../support/harness.ts';
import { buildRequest, getPayload, postPayload } from '../support/wire.ts';

/** Keys that are past their retention, or were fetched once where that is enough, are gone; the log says so. */
const coin = Buffer.from('010000012c', 'hex');

function idOf(number: number): Buffer {
  return Buffer.from(number.toString(16).padStart(32, '0'), 'hex');
}

const post = (id: number) =>
  buildRequest({ group: 4, command: 41, payload: postPayload(idOf(id), coin, Buffer.alloc(128), 0, 9) });
const get = (id: number) => buildRequest({ group: 4, command: 43, payload: getPayload(idOf(id)) });

describe('retention', () => {
  it('removes old keys in small batches and keeps young ones', () => {
    const directory = makeNode();
    const store = openStore(directory);
    let now = fixedNow;
    const exchange = new Exchange(store, { now: () => now });
    for (let id = 1; id <= 1_500; id += 1) exchange.send(post(id));
    now += 10 * 86_400_000;
    for (let id = 1_501; id <= 1_600; id += 1) exchange.send(post(id));
    const removed: number[] = [];
    for (let position: number | undefined = 0; position !== undefined; ) {
      const piece = { position, before: now - 86_400_000, now, count: 1_000 };
      const done: { removed: number; next: number | undefined } = store.write((writer) =>
        writer.retention.purgeKeys(writer, piece),
      );
      removed.push(done.removed);
      position = done.next;
    }
    expect(removed).toEqual([1_000, 500]);
    const beside = openBeside(directory);
    expect(beside.prepare('SELECT count(*) FROM chat_keys').pluck().get()).toBe(100);
    expect(beside.prepare("SELECT count(*) FROM events WHERE action = 'key-purged'").pluck().get()).toBe(1_500);
    expect(exchange.status(get(1))).toBe(194);
    expect(exchange.status(get(1_501))).toBe(250);
  });

  it('hands a key out once where keys.single_use says so', () => {
    const exchange = new Exchange(openStore(makeNode()), { settings: '[keys]\nsingle_use = true' });
    expect(exchange.send(post(1), get(1), get(1), post(1), get(1)).map((reply) => reply[2])).toEqual([
      250, 250, 194, 250, 250,
    ]);
  });
});
