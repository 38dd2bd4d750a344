import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FilteredMap } from '../../src/storage/filtered-map.ts';

/** Few keys and fewer sums: most keys share their place in the filter with others. */
const key = fc.nat(40);
const step = fc.record({ kind: fc.constantFrom('set', 'delete', 'get'), key, value: fc.nat() });
const bytesOf = (number: number) => Buffer.from([number, 255 - number]);
const sumOf = (number: number) => (number % 7) * 512 + (number % 5);

describe('a filtered map', () => {
  it('holds what a Map would, whatever its filter says of other keys', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const map = new FilteredMap<number>(8);
        const model = new Map<number, number>();
        for (const { kind, key: number, value } of steps) {
          if (kind === 'set') {
            map.set(bytesOf(number), sumOf(number), value);
            model.set(number, value);
          } else if (kind === 'delete') {
            map.delete(bytesOf(number));
            model.delete(number);
          }
          expect(map.get(bytesOf(number), sumOf(number))).toBe(model.get(number));
          expect(map.size).toBe(model.size);
        }
      }),
    );
  });
});
