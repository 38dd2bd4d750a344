import { sql } from 'drizzle-orm';
import { blob, check, index, integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core';

/**
 * The tables, as data. The SQL that makes them is in migrations/; two details that drizzle cannot express are written
 * there by hand: key_numbers, coin_keys, key_events, coin_events, tickets, reconstructions and settings are WITHOUT ROWID.
 */

/** One row a coin page: 1,024 records of 17 bytes, as a deployed server's page file holds them. */
export const coinPages = sqliteTable(
  'coin_pages',
  {
    /** (denomination + 8) x 1,000 + page number, which makes the pair unique as well. */
    id: integer('id').primaryKey(),
    denomination: integer('denomination').notNull(),
    pageNumber: integer('page_number').notNull(),
    /** CRC-32 of `records`. */
    checksum: integer('checksum').notNull(),
    records: blob('records', { mode: 'buffer' }).notNull(),
  },
  (table) => [
    check('coin_pages_id', sql`${table.id} = (${table.denomination} + 8) * 1000 + ${table.pageNumber}`),
    check('coin_pages_denomination', sql`${table.denomination} BETWEEN -8 AND 6`),
    check('coin_pages_number', sql`${table.pageNumber} BETWEEN 0 AND 999`),
    check('coin_pages_size', sql`length(${table.records}) = 17408`),
  ],
);

/** The free-pages bitmap: one row a coin page, one bit a coin, 1 in use. Written only together with its page. */
export const freePages = sqliteTable(
  'free_pages',
  {
    pageId: integer('page_id')
      .primaryKey()
      .references(() => coinPages.id),
    bitmap: blob('bitmap', { mode: 'buffer' }).notNull(),
    inUse: integer('in_use').notNull(),
  },
  (table) => [
    check('free_pages_size', sql`length(${table.bitmap}) = 128`),
    check('free_pages_in_use', sql`${table.inUse} BETWEEN 0 AND 1024`),
  ],
);

/**
 * Keys left for chat partners, in the order of their posting: new ones go to the end, which costs a page for dozens of them,
 * while a place by their random id would cost each a page of its own. An id has one row at most.
 */
export const chatKeys = sqliteTable(
  'chat_keys',
  {
    number: integer('number').primaryKey(),
    keyId: blob('key_id', { mode: 'buffer' }).notNull(),
    /** The coin that the poster claimed. */
    denomination: integer('denomination').notNull(),
    serialNumber: integer('serial_number').notNull(),
    key: blob('key', { mode: 'buffer' }).notNull(),
    /** CRC-32 of all other columns but the number. */
    checksum: integer('checksum').notNull(),
    /** Milliseconds since 1970 of the post that the row now holds. */
    postedAt: integer('posted_at').notNull(),
    /** How often the id was posted again. */
    replacements: integer('replacements').notNull(),
  },
  (table) => [
    check('chat_keys_id', sql`length(${table.keyId}) = 16`),
    check('chat_keys_size', sql`length(${table.key}) <= 127`),
  ],
);

/**
 * Where the key of an id stands in chat_keys. Like the tables of indexes below it follows within seconds, in rounds that
 * share pages, and stands in partitions of what it follows; `settings` says how far each is. They are derived, so they
 * carry no checksum.
 */
export const keyNumbers = sqliteTable(
  'key_numbers',
  {
    partition: integer('partition').notNull(),
    keyId: blob('key_id', { mode: 'buffer' }).notNull(),
    number: integer('number').notNull(),
  },
  (table) => [primaryKey({ columns: [table.partition, table.keyId] })],
);

/** Which keys were posted in the name of which coin. */
export const coinKeys = sqliteTable(
  'coin_keys',
  {
    partition: integer('partition').notNull(),
    denomination: integer('denomination').notNull(),
    serialNumber: integer('serial_number').notNull(),
    number: integer('number').notNull(),
  },
  (table) => [primaryKey({ columns: [table.partition, table.denomination, table.serialNumber, table.number] })],
);

/** Tickets that Decrypt RAIDA Key has accepted, so that a replay cannot roll a coin back (Q13). */
export const tickets = sqliteTable('tickets', {
  /** SHA-256 over encryption coin, authority, target coin and sealed bytes, first 16 bytes. */
  digest: blob('digest', { mode: 'buffer' }).primaryKey(),
  splitId: integer('split_id').notNull(),
  acceptedAt: integer('accepted_at').notNull(),
  /** CRC-32 of all other columns. */
  checksum: integer('checksum').notNull(),
});

/** The append-only log. Each row's hash covers the row and the hash before it. */
export const events = sqliteTable(
  'events',
  {
    sequence: integer('sequence').primaryKey(),
    /** Milliseconds since 1970. */
    time: integer('time').notNull(),
    /** Name of the command, or of what the operator did. */
    action: text('action').notNull(),
    /** Status byte of the reply; null for what nobody requested over the wire. */
    status: integer('status'),
    /** Why it was refused, as a short word. */
    reason: text('reason'),
    /** Encryption type of the request. */
    encryptionType: integer('encryption_type'),
    /** The coin that the payload names. */
    denomination: integer('denomination'),
    serialNumber: integer('serial_number'),
    /** The coins that the header names for its encryption: proved unless the status is 25, 34, 37 or 204. */
    encryptionDenomination: integer('encryption_denomination'),
    encryptionSerialNumber: integer('encryption_serial_number'),
    secondDenomination: integer('second_denomination'),
    secondSerialNumber: integer('second_serial_number'),
    keyId: blob('key_id', { mode: 'buffer' }),
    address: text('address'),
    /** Anything else, as JSON. */
    details: text('details'),
    hash: blob('hash', { mode: 'buffer' }).notNull(),
  },
  (table) => [check('events_hash', sql`length(${table.hash}) = 32`)],
);

/** Which events are about which key: follows the log. */
export const keyEvents = sqliteTable(
  'key_events',
  {
    partition: integer('partition').notNull(),
    keyId: blob('key_id', { mode: 'buffer' }).notNull(),
    sequence: integer('sequence').notNull(),
    /** 1 where the key was handed out. */
    fetched: integer('fetched').notNull(),
  },
  (table) => [primaryKey({ columns: [table.partition, table.keyId, table.sequence] })],
);

/** Which events concern which coin, in whatever role: follows the log. */
export const coinEvents = sqliteTable(
  'coin_events',
  {
    partition: integer('partition').notNull(),
    denomination: integer('denomination').notNull(),
    serialNumber: integer('serial_number').notNull(),
    sequence: integer('sequence').notNull(),
  },
  (table) => [primaryKey({ columns: [table.partition, table.denomination, table.serialNumber, table.sequence] })],
);

/** Earliest and latest time within each 1,024 events: the clock may have jumped, so sequence and time need not agree. */
export const eventTimes = sqliteTable('event_times', {
  /** Sequence number div 1,024. */
  block: integer('block').primaryKey(),
  timeMin: integer('time_min').notNull(),
  timeMax: integer('time_max').notNull(),
});

/** What became of each record of a Decrypt RAIDA Key. Covered by the hash of its event. */
export const reconstructions = sqliteTable(
  'reconstructions',
  {
    event: integer('event').notNull(),
    /** Place of the record in its request, from 0. */
    position: integer('position').notNull(),
    denomination: integer('denomination').notNull(),
    serialNumber: integer('serial_number').notNull(),
    splitId: integer('split_id').notNull(),
    authority: integer('authority').notNull(),
    /** Null for an accepted record. */
    reason: text('reason'),
    /** The half and MFS that an accepted record replaced, sealed under the node's own key. */
    previous: blob('previous', { mode: 'buffer' }),
  },
  (table) => [
    primaryKey({ columns: [table.event, table.position] }),
    // Few are accepted, and each new one asks for those of its half: what was refused must not be in the way.
    index('reconstructions_accepted')
      .on(table.denomination, table.serialNumber, table.splitId)
      .where(sql`reason IS NULL`),
  ],
);

/**
 * Authenticated requests that wrote, in the order of their coming, with what they were answered: so that the same bytes are
 * not carried out twice, also across a restart. The newest are kept. A row is the last one of its transaction, and in
 * `others` has those before it.
 */
export const authenticatedRequests = sqliteTable('authenticated_requests', {
  number: integer('number').primaryKey(),
  /** Milliseconds since 1970. */
  time: integer('time').notNull(),
  /** Command, encryption type, coins, nonce and challenge. */
  identity: blob('identity', { mode: 'buffer' }).notNull(),
  /** The HMAC; of a body without one SHA-256, first 16 bytes. */
  body: blob('body', { mode: 'buffer' }).notNull(),
  status: integer('status').notNull(),
  payload: blob('payload', { mode: 'buffer' }).notNull(),
  /** CRC-32 of all other columns; of `others` only where there are any. */
  checksum: integer('checksum').notNull(),
  /** Requests of the same transaction and time: for each status, sizes, identity, body, payload. Null where there are none. */
  others: blob('others', { mode: 'buffer' }),
});

/** What the node knows about itself: identity and secrets. */
export const settings = sqliteTable('settings', {
  name: text('name').primaryKey(),
  value: blob('value', { mode: 'buffer' }).notNull(),
  /** CRC-32 of name and value. */
  checksum: integer('checksum').notNull(),
});
