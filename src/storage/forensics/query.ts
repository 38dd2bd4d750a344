import type { Database } from 'better-sqlite3';

/** What an ad hoc query may name. Everything else that the database knows is refused by name. */
export const queryableViews = ['v_keys', 'v_key_events', 'v_coin_events', 'v_denominations'];

const harmlessModules = ['json_each', 'json_tree', 'generate_series'];

/** The query is not one that may run here; says why. */
export class QueryRefused extends Error {}

/**
 * Runs one reading statement over the documented views. To read a table its name must stand in the statement, and names
 * are refused wherever they stand: as a word, in any kind of quotes, as a table-valued function. Which names there are is
 * asked of the database itself, so nothing can be forgotten. The connection is read-only on top of that.
 */
export function* runQuery(database: Database, sql: string, limit: number): Generator<Record<string, unknown>> {
  const [first = ''] = tokensOf(sql);
  if (!['select', 'with', 'values'].includes(first)) {
    throw new QueryRefused('only SELECT, WITH and VALUES are possible');
  }
  refuseForbiddenNames(database, sql);
  const statement = database.prepare<[], Record<string, unknown>>(sql);
  if (!statement.reader || !statement.readonly) throw new QueryRefused('the statement does more than read');
  let left = limit;
  for (const row of statement.iterate()) {
    if (left <= 0) return;
    left -= 1;
    yield row;
  }
}

function refuseForbiddenNames(database: Database, sql: string): void {
  const forbidden = forbiddenNames(database);
  for (const token of tokensOf(sql)) {
    if (forbidden.has(token) || /^(?:sqlite_|pragma_)/.test(token)) {
      throw new QueryRefused(`"${token}" cannot be queried; there are ${queryableViews.join(', ')}`);
    }
  }
}

/** Every table, index and virtual-table module of this connection that is not allowed. */
function forbiddenNames(database: Database): Set<string> {
  const objects = database.prepare<[], string>('SELECT name FROM sqlite_schema').pluck().all();
  const modules = database.prepare<[], string>('SELECT name FROM pragma_module_list').pluck().all();
  const functions = ['load_extension', 'readfile', 'writefile', 'fts3_tokenizer', 'edit'];
  const names = [...objects, ...modules, ...functions].map((name) => name.toLowerCase());
  return new Set(names.filter((name) => !queryableViews.includes(name) && !harmlessModules.includes(name)));
}

const tokenPattern =
  /--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|'((?:[^']|'')*)'|"((?:[^"]|"")*)"|`((?:[^`]|``)*)`|\[([^\]]*)\]|([A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)/g;

/** Words and quoted texts of a statement in lower case, comments left out: whatever could be a name. */
function tokensOf(sql: string): string[] {
  const tokens: string[] = [];
  for (const [, single, double, backtick, bracket, word] of sql.matchAll(tokenPattern)) {
    const token =
      word ??
      single?.replaceAll("''", "'") ??
      double?.replaceAll('""', '"') ??
      backtick?.replaceAll('``', '`') ??
      bracket;
    if (token !== undefined) tokens.push(token.toLowerCase());
  }
  return tokens;
}
