import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type RememberedRequest, RequestTable } from '../../src/storage/request-table.ts';
import { hashOf } from '../../src/storage/secret-hash.ts';

const capacity = 16;
/** Few identities, of several sizes, of which some begin alike. */
const identity = fc.uint8Array({ maxLength: 3, max: 1 }).map((bytes) => Buffer.from(bytes));
const bytes = fc.uint8Array({ maxLength: 9 }).map((given) => Buffer.from(given));
const request: fc.Arbitrary<RememberedRequest> = fc.record({
  body: bytes,
  isDigest: fc.boolean(),
  time: fc.integer({ min: -1, max: 2 ** 45 }),
  status: fc.nat(255),
  payload: bytes,
});
const step = fc.record({
  kind: fc.constantFrom('add', 'add', 'add', 'add', 'delete', 'delete', 'clear'),
  identity,
  request,
});

describe('a table of requests', () => {
  it.each([
    ['their own hashes', hashOf],
    ['one hash', () => 0xffff_ffff],
  ])('holds what a Map would, with %s', (_, hash) => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const table = new RequestTable(capacity);
        const model = new Map<string, RememberedRequest>();
        const found = (key: Buffer) => {
          const place = table.placeOf(key, hash(key));
          return place === undefined ? undefined : table.at(place);
        };
        const order: string[] = [];
        for (const { kind, identity: key, request: remembered } of steps) {
          const name = key.toString('hex');
          if (kind === 'delete') {
            table.delete(key, hash(key));
            if (model.delete(name) && order.at(-1) === name) order.pop();
          } else if (kind === 'clear') {
            table.clear();
            model.clear();
            order.length = 0;
          } else if (!model.has(name) && order.length < capacity) {
            table.add(key, hash(key), remembered);
            model.set(name, remembered);
            order.push(name);
          }
          expect(found(key)).toEqual(model.get(name));
          expect(table.isFull).toBe(order.length === capacity);
        }
        for (const [name, remembered] of model) expect(found(Buffer.from(name, 'hex'))).toEqual(remembered);
      }),
    );
  });

  it('grows with what it holds, copies it, and refuses what it is not made for', () => {
    const table = new RequestTable(capacity);
    const payload = Buffer.alloc(30_000, 7);
    const keys = Array.from({ length: capacity }, (_, place) => Buffer.alloc(20, place));
    const remembered = { body: Buffer.alloc(0), isDigest: false, time: 1, status: 250, payload };
    for (const key of keys) table.add(key, hashOf(key), remembered);
    payload.fill(8);
    for (const [place, key] of keys.entries()) {
      expect(table.placeOf(key, hashOf(key))).toBe(place);
      expect(table.at(place).payload.equals(Buffer.alloc(30_000, 7))).toBe(true);
    }
    expect(() => table.add(Buffer.alloc(1), 0, remembered)).toThrow(RangeError);
  });
});
