/*
 * Preloaded into a node for the controls that must lose something: the database syncs less than the node demands, by
 * WEAKER_SYNC, and says that it does as it was told.
 */

import { createRequire } from 'node:module';

const { WEAKER_SYNC } = process.env;
const Database = createRequire(import.meta.url)('better-sqlite3');
const { pragma } = Database.prototype;

Database.prototype.pragma = function weakened(text, options) {
  if (text === 'synchronous = FULL') return pragma.call(this, `synchronous = ${WEAKER_SYNC}`, options);
  if (text === 'synchronous') return 2;
  return pragma.call(this, text, options);
};
