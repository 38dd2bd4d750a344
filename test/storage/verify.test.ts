import { describe, expect, it } from 'vitest';
import { verifyDatabase } from '../../src/storage/verify.ts';
import { Exchange, makeNode, openBeside, openStore } from '../support/harness.ts';
import { buildRequest, ctr, getPayload, postPayload } from '../support/wire.ts';

/** Every stored value, changed where it lies, is found; an unchanged database raises no alarm. */
const everything = { structure: 'full', pages: true, keys: true, events: true, index: true } as const;
const coin = Buffer.from('010000012c', 'hex');
const keys = Buffer.alloc(400, 4);
const file = Buffer.concat([Buffer.from('09010006', 'hex'), Buffer.alloc(36), keys]);

function filledNode(): string {
  const sealingCoin = { denomination: 1, serialNumber: 300, secret: Buffer.alloc(16, 1) };
  const directory = makeNode([sealingCoin], { '01.300.bin': file });
  const store = openStore(directory);
  const exchange = new Exchange(store);
  for (let id = 1; id <= 12; id += 1) {
    const payload = postPayload(Buffer.alloc(16, id), coin, Buffer.alloc(128, id), 0, 20);
    exchange.send(buildRequest({ group: 4, command: 41, payload }));
    exchange.send(buildRequest({ group: 4, command: 43, payload: getPayload(Buffer.alloc(16, id)) }));
  }
  const sealed = [13, 14, 15].map((id) => {
    const payload = postPayload(Buffer.alloc(16, id), coin, Buffer.alloc(128, id), 0, 20);
    return buildRequest({ group: 4, command: 41, type: 4, coins: [sealingCoin], payload, nonce: Buffer.alloc(24, id) });
  });
  expect(exchange.send(...sealed).map((reply) => reply[2])).toEqual([250, 250, 250]);
  const clear = Buffer.concat([Buffer.alloc(8, 9), coin, Buffer.from('1234ff', 'hex')]);
  const ticket = ctr(keys.subarray(0, 16), Buffer.alloc(16), clear);
  const record = Buffer.concat([Buffer.from('0006000300', 'hex'), coin, ticket]);
  exchange.send(buildRequest({ group: 4, command: 45, payload: Buffer.concat([coin, record]) }));
  while (store.indexes.lag() > 0) store.indexes.follow(1_000);
  return directory;
}

interface Column {
  readonly table: string;
  readonly column: string;
}

describe('verify', () => {
  it('finds a changed bit in every column of every table, and nothing before', () => {
    const directory = filledNode();
    const beside = openBeside(directory);

    const check = () => verifyDatabase(beside, everything, () => undefined).faults;
    expect(check()).toEqual([]);
    beside.pragma('ignore_check_constraints = ON');
    beside.pragma('foreign_keys = OFF');
    const columns = beside
      .prepare<[], Column>(
        `SELECT m.name AS "table", c.name AS "column" FROM sqlite_schema m, pragma_table_info(m.name) c
         WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'`,
      )
      .all();
    expect(columns.length).toBeGreaterThan(45);
    for (const { table, column } of columns) {
      const rows = beside
        .prepare(`SELECT DISTINCT "${column}" AS value FROM "${table}" WHERE "${column}" IS NOT NULL`)
        .pluck();
      for (const value of (rows.all() as (Buffer | string | number)[]).slice(0, 3)) {
        beside.exec('BEGIN');
        beside
          .prepare(`UPDATE OR IGNORE "${table}" SET "${column}" = ? WHERE "${column}" IS ?`)
          .run(changed(value), value);
        expect(check().length, `${table}.${column} of ${String(value).slice(0, 20)}`).toBeGreaterThan(0);
        beside.exec('ROLLBACK');
      }
    }
    expect(check()).toEqual([]);
  });

  it('finds rows that are gone or too many', () => {
    const beside = openBeside(filledNode());
    beside.pragma('foreign_keys = OFF');
    const faultsAfter = (sql: string) => {
      beside.exec('BEGIN');
      beside.exec(sql);
      const { faults } = verifyDatabase(beside, everything, () => undefined);
      beside.exec('ROLLBACK');
      return faults.length;
    };
    expect(faultsAfter('SELECT 1')).toBe(0);
    expect(faultsAfter('DELETE FROM free_pages')).toBeGreaterThan(0);
    expect(faultsAfter('DELETE FROM coin_pages')).toBeGreaterThan(0);
    expect(faultsAfter('DELETE FROM events WHERE sequence = 5')).toBeGreaterThan(0);
    expect(faultsAfter('DELETE FROM reconstructions')).toBeGreaterThan(0);
    expect(faultsAfter('DELETE FROM key_events WHERE sequence = 3')).toBeGreaterThan(0);
    expect(faultsAfter("INSERT INTO key_events VALUES (0, x'01', 4, 0)")).toBeGreaterThan(0);
    for (const table of ['key_numbers', 'coin_keys', 'key_events', 'coin_events']) {
      expect(faultsAfter(`DELETE FROM ${table}`), table).toBeGreaterThan(0);
      expect(faultsAfter(`UPDATE ${table} SET partition = 1`), table).toBeGreaterThan(0);
      expect(faultsAfter(`UPDATE ${table} SET partition = -1`), table).toBeGreaterThan(0);
    }
  });
});

function changed(value: Buffer | string | number): Buffer | string | number {
  if (typeof value === 'number') return value ^ 4_096;
  if (typeof value === 'string') return `${String.fromCharCode(value.charCodeAt(0) ^ 1)}${value.slice(1)}`;
  if (value.length === 0) return Buffer.from([1]);
  const copy = Buffer.from(value);
  copy[copy.length >> 1] = (copy[copy.length >> 1] ?? 0) ^ 4;
  return copy;
}
