import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IdTable } from '../../src/storage/id-table.ts';
import { hashOf } from '../../src/storage/secret-hash.ts';

/** What a Map of ids would say, whatever falls together. */
const first = 131_072;
const capacity = 64;
const idOf = (number: number) => Buffer.alloc(16, number);

const step = fc.record({
  kind: fc.constantFrom('add', 'add', 'delete', 'get'),
  id: fc.nat(200),
  number: fc.nat(capacity - 1).map((place) => first + place),
});

describe('a table of ids', () => {
  it.each([
    ['their own hashes', (id: Buffer) => hashOf(id)],
    ['few hashes', (id: Buffer) => ((id[0] ?? 0) % 3) * 0x4000_0000 + ((id[0] ?? 0) % 5)],
    ['one hash, at the end', () => 0xffff_ffff],
  ])('holds what a Map would, with %s', (_, hash) => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const table = new IdTable(first, capacity);
        const model = new Map<number, number>();
        for (const { kind, id, number } of steps) {
          const bytes = idOf(id);
          if (kind === 'add' && !model.has(id) && ![...model.values()].includes(number)) {
            table.add(bytes, hash(bytes), number);
            model.set(id, number);
          } else if (kind === 'delete') {
            table.delete(bytes, hash(bytes));
            model.delete(id);
          }
          expect(table.get(bytes, hash(bytes))).toBe(model.get(id));
        }
        for (const [id, number] of model) expect(table.get(idOf(id), hash(idOf(id)))).toBe(number);
      }),
    );
  });

  it('holds as many as it is made for, and refuses numbers of others', () => {
    const table = new IdTable(first, capacity);
    const ids = Array.from({ length: capacity }, () => randomBytes(16));
    for (const [place, id] of ids.entries()) table.add(id, hashOf(id), first + place);
    expect(ids.map((id) => table.get(id, hashOf(id)))).toEqual(ids.map((_, place) => first + place));
    const [id = Buffer.alloc(16)] = ids;
    for (const number of [first - 1, first + capacity]) {
      expect(() => table.add(id, hashOf(id), number)).toThrow(RangeError);
    }
  });

  it('copies: an id may be changed afterwards', () => {
    const table = new IdTable(0, capacity);
    const id = Buffer.alloc(16, 1);
    table.add(id, hashOf(id), 7);
    id.fill(2);
    expect([table.get(idOf(1), hashOf(idOf(1))), table.get(id, hashOf(id))]).toEqual([7, undefined]);
  });
});
