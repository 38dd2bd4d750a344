import fc from 'fast-check';
import { expect, it } from 'vitest';
import { AuthenticatedRequests, requestFaults, type StoredRequest } from '../../src/storage/authenticated-requests.ts';
import { rowChecksum } from '../../src/storage/checksum.ts';
import { DamagedRow } from '../../src/storage/damage.ts';
import { makeNode, openBeside } from '../support/harness.ts';

/** Requests that wrote are kept in their order and whole, however many of them share a transaction. */
const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((given) => Buffer.from(given));
const request: fc.Arbitrary<StoredRequest> = fc.record({
  identity: bytes(64),
  body: bytes(32),
  time: fc.constantFrom(0, 1, 2 ** 45),
  status: fc.nat(255),
  payload: bytes(300),
});
const batch = fc.record({
  requests: fc.array(request, { maxLength: 5 }),
  fate: fc.constantFrom('keep', 'keep', 'undo'),
});
const all = 1_000_000;

it('are read as they were written, without those of transactions that were undone', () => {
  fc.assert(
    fc.property(fc.array(batch, { maxLength: 12 }), (batches) => {
      const database = openBeside(makeNode());
      const stored = new AuthenticatedRequests(database, all);
      const model: StoredRequest[] = [];
      for (const { requests, fate } of batches) {
        database.exec('BEGIN');
        stored.append(requests);
        database.exec(fate === 'keep' ? 'COMMIT' : 'ROLLBACK');
        if (fate === 'keep') model.push(...requests);
      }
      const read = [...new AuthenticatedRequests(database, all).newest()];
      const fieldsOf = ({ identity, body, time, status, payload }: StoredRequest) =>
        [identity.toString('hex'), body.toString('hex'), time, status, payload.toString('hex')].join();
      expect(read.map(fieldsOf)).toEqual(model.map(fieldsOf));
      expect(requestFaults(database)).toEqual([]);
    }),
    { numRuns: 60 },
  );
});

const numbered = (number: number): StoredRequest => ({
  identity: Buffer.from(String(number)),
  body: Buffer.alloc(16, number),
  time: 5,
  status: 250,
  payload: Buffer.alloc(0),
});

it('share one row for a transaction and time', () => {
  const database = openBeside(makeNode());
  const stored = new AuthenticatedRequests(database, all);
  stored.append([1, 2, 3].map(numbered));
  stored.append([4].map(numbered));
  stored.append([numbered(5), { ...numbered(6), time: 6 }, { ...numbered(7), time: 6 }]);
  const rows = database.prepare('SELECT number, others IS NULL FROM authenticated_requests ORDER BY number').raw();
  expect(rows.all()).toEqual([
    [3, 0],
    [4, 1],
    [5, 1],
    [7, 0],
  ]);
});

it.each([1, 7, 256, 2_500])('keep the newest, and not many more, where %i come together', (together) => {
  const database = openBeside(makeNode());
  const kept = 3_000;
  const stored = new AuthenticatedRequests(database, kept);
  let count = 0;
  for (; count < 10_000; count += together) {
    stored.append(Array.from({ length: together }, (_, place) => numbered(count + place)));
  }
  const numbers = [...stored.newest()].map(({ identity }) => Number(identity));
  expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, place) => count - numbers.length + place));
  expect(numbers.length).toBeGreaterThanOrEqual(kept);
  expect(numbers.length).toBeLessThan(kept + together);
  const oldest = database.prepare('SELECT min(number) FROM authenticated_requests').pluck().get() as number;
  expect(count - oldest).toBeLessThan(kept + 1_024 + together);
});

it.each(['others', 'identity'])('are not read where a row is damaged: %s', (column) => {
  const database = openBeside(makeNode());
  const stored = new AuthenticatedRequests(database, all);
  stored.append([1, 2, 3].map(numbered));
  database.exec(`UPDATE authenticated_requests SET ${column} = zeroblob(8)`);
  expect(() => [...stored.newest()]).toThrow(DamagedRow);
  expect(requestFaults(database)).toEqual(['authenticated request 3 is damaged']);
});

it('of a version before have no others: with some they are damaged', () => {
  const database = openBeside(makeNode());
  const { identity, body, time, status } = numbered(1);
  database
    .prepare(`INSERT INTO authenticated_requests VALUES (1, ?, ?, ?, ?, x'07', ?, NULL)`)
    .run(time, identity, body, status, rowChecksum([time, identity, body, status, Buffer.from([7])]));
  expect(requestFaults(database)).toEqual([]);
  database.exec("UPDATE authenticated_requests SET others = x'00'");
  expect(requestFaults(database)).toEqual(['authenticated request 1 is damaged']);
});
