import type { Database } from 'better-sqlite3';

type Random = (limit: number) => number;

interface Row {
  readonly rowKey: readonly unknown[];
  readonly kind: string;
  readonly value: bigint;
  readonly bytes: Buffer;
}

/** Bits of an integer that are flipped: lower ones of it, so that it stays one of its kind. */
const integerBits = 16;

/** Takes a connection's protection against values that do not belong; to be called outside of a transaction. */
export function allowDamage(database: Database): void {
  database.pragma('foreign_keys = OFF');
  database.pragma('ignore_check_constraints = ON');
}

/** Flips one bit of a stored value, chosen at random by table, row and column; says where. A value keeps its type. */
export function flipStoredBit(database: Database, random: Random): string {
  const tables = database
    .prepare<[], string>(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name",
    )
    .pluck()
    .all();
  for (;;) {
    const place = flipIn(database, pick(tables, random), random);
    if (place !== undefined) return place;
  }
}

const pick = <Item>(items: readonly Item[], random: Random): Item => items[random(items.length)] as Item;

/** Undefined where the chosen value has no bits, or the changed one is another row's key. */
function flipIn(database: Database, table: string, random: Random): string | undefined {
  const column = pick(
    database.prepare<[string], string>('SELECT name FROM pragma_table_info(?)').pluck().all(table),
    random,
  );
  const count = database.prepare<[], number>(`SELECT count(*) FROM ${table}`).pluck().get() ?? 0;
  if (count === 0) return undefined;
  const keys = rowKeyOf(database, table);
  const [kind, bytes, value, ...rowKey] = database
    .prepare<[number], [string, Buffer, bigint, ...unknown[]]>(
      `SELECT typeof(${column}), CAST(${column} AS BLOB), ${column}, ${keys.join(', ')} FROM ${table} LIMIT 1 OFFSET ?`,
    )
    .raw()
    .safeIntegers()
    .get(random(count)) as [Row['kind'], Row['bytes'], Row['value'], ...Row['rowKey']];
  if (kind === 'null' || (kind !== 'integer' && bytes.length === 0)) return undefined;
  const changed = kind === 'integer' ? value ^ (1n << BigInt(random(integerBits))) : flipped(bytes, random);
  const where = keys.map((key) => `${key} = ?`).join(' AND ');
  try {
    const update = `UPDATE ${table} SET ${column} = CAST(? AS ${kind}) WHERE ${where}`;
    const { changes } = database.prepare<unknown[]>(update).run(changed, ...rowKey);
    if (changes !== 1) throw new Error(`${update} changed ${changes} rows`);
  } catch (error) {
    if ((error as { code?: string }).code?.startsWith('SQLITE_CONSTRAINT')) return undefined;
    throw error;
  }
  return `${table}.${column} of ${rowKey.map((key) => (Buffer.isBuffer(key) ? key.toString('hex') : String(key))).join('/')}`;
}

/** The columns that name a row. */
function rowKeyOf(database: Database, table: string): string[] {
  const hasRowid = database.prepare<[string], number>('SELECT wr = 0 FROM pragma_table_list(?)').pluck().get(table);
  if (hasRowid === 1) return ['rowid'];
  return database.prepare<[string], string>('SELECT name FROM pragma_table_info(?) WHERE pk > 0').pluck().all(table);
}

function flipped(bytes: Buffer, random: Random): Buffer {
  const copy = Buffer.from(bytes);
  const place = random(copy.length);
  copy[place] = (copy[place] ?? 0) ^ (1 << random(8));
  return copy;
}
