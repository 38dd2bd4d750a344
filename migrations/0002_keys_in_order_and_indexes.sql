-- Keys in the order of their posting; where an id stands, and what a coin posted, are indexes that follow.
DROP VIEW `v_keys`;
--> statement-breakpoint
ALTER TABLE `chat_keys` RENAME TO `old_chat_keys`;
--> statement-breakpoint
CREATE TABLE `chat_keys` (
	`number` integer PRIMARY KEY NOT NULL,
	`key_id` blob NOT NULL,
	`denomination` integer NOT NULL,
	`serial_number` integer NOT NULL,
	`key` blob NOT NULL,
	`checksum` integer NOT NULL,
	`posted_at` integer NOT NULL,
	`replacements` integer NOT NULL,
	CONSTRAINT "chat_keys_id" CHECK(length("chat_keys"."key_id") = 16),
	CONSTRAINT "chat_keys_size" CHECK(length("chat_keys"."key") <= 127)
);
--> statement-breakpoint
INSERT INTO `chat_keys`
SELECT row_number() OVER (ORDER BY posted_at, key_id), key_id, denomination, serial_number, key, checksum, posted_at, replacements
FROM `old_chat_keys`;
--> statement-breakpoint
DROP TABLE `old_chat_keys`;
--> statement-breakpoint
CREATE TABLE `key_numbers` (
	`key_id` blob PRIMARY KEY NOT NULL,
	`number` integer NOT NULL
) WITHOUT ROWID;
--> statement-breakpoint
INSERT INTO `key_numbers` SELECT key_id, number FROM chat_keys ORDER BY key_id;
--> statement-breakpoint
CREATE TABLE `coin_keys` (
	`denomination` integer NOT NULL,
	`serial_number` integer NOT NULL,
	`number` integer NOT NULL,
	PRIMARY KEY(`denomination`, `serial_number`, `number`)
) WITHOUT ROWID;
--> statement-breakpoint
INSERT INTO `coin_keys` SELECT denomination, serial_number, number FROM chat_keys ORDER BY 1, 2, 3;
--> statement-breakpoint
CREATE VIEW `v_keys` AS
SELECT lower(hex(key_id)) AS key_id, denomination, serial_number, length(key) AS size,
  strftime('%Y-%m-%dT%H:%M:%fZ', posted_at / 1000.0, 'unixepoch') AS posted_at, replacements,
  (SELECT count(*) FROM key_events e WHERE e.key_id = chat_keys.key_id AND e.fetched = 1) AS fetches
FROM chat_keys;
--> statement-breakpoint
-- Indexes of the log, as far as key_events has followed it.
CREATE TABLE `coin_events` (
	`denomination` integer NOT NULL,
	`serial_number` integer NOT NULL,
	`sequence` integer NOT NULL,
	PRIMARY KEY(`denomination`, `serial_number`, `sequence`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `event_times` (
	`block` integer PRIMARY KEY NOT NULL,
	`time_min` integer NOT NULL,
	`time_max` integer NOT NULL
);
--> statement-breakpoint
INSERT INTO `coin_events`
SELECT denomination, serial_number, sequence FROM events
WHERE serial_number IS NOT NULL AND sequence <= coalesce((SELECT CAST(CAST(value AS TEXT) AS INTEGER) FROM settings WHERE name = 'indexed_through'), 0)
UNION
SELECT encryption_denomination, encryption_serial_number, sequence FROM events
WHERE encryption_serial_number IS NOT NULL AND sequence <= coalesce((SELECT CAST(CAST(value AS TEXT) AS INTEGER) FROM settings WHERE name = 'indexed_through'), 0)
UNION
SELECT second_denomination, second_serial_number, sequence FROM events
WHERE second_serial_number IS NOT NULL AND sequence <= coalesce((SELECT CAST(CAST(value AS TEXT) AS INTEGER) FROM settings WHERE name = 'indexed_through'), 0)
UNION
SELECT denomination, serial_number, event FROM reconstructions
WHERE event <= coalesce((SELECT CAST(CAST(value AS TEXT) AS INTEGER) FROM settings WHERE name = 'indexed_through'), 0);
--> statement-breakpoint
INSERT INTO `event_times`
SELECT sequence / 1024, min(time), max(time) FROM events
WHERE sequence <= coalesce((SELECT CAST(CAST(value AS TEXT) AS INTEGER) FROM settings WHERE name = 'indexed_through'), 0)
GROUP BY sequence / 1024;
--> statement-breakpoint
DROP VIEW `v_coin_events`;
--> statement-breakpoint
DROP INDEX `events_coin`;
--> statement-breakpoint
DROP INDEX `reconstructions_coin`;
--> statement-breakpoint
CREATE VIEW `v_coin_events` AS
WITH indexed AS (
  SELECT coalesce((SELECT CAST(CAST(value AS TEXT) AS INTEGER) FROM settings WHERE name = 'indexed_through'), 0) AS through
)
SELECT e.sequence, strftime('%Y-%m-%dT%H:%M:%fZ', time / 1000.0, 'unixepoch') AS time, action, status, 'named' AS role,
  c.denomination, c.serial_number, NULL AS split_id, NULL AS authority, reason, address
FROM coin_events c CROSS JOIN events e ON e.sequence = c.sequence
WHERE e.denomination = c.denomination AND e.serial_number = c.serial_number
UNION ALL
SELECT e.sequence, strftime('%Y-%m-%dT%H:%M:%fZ', time / 1000.0, 'unixepoch'), action, status, 'encryption',
  c.denomination, c.serial_number, NULL, NULL, reason, address
FROM coin_events c CROSS JOIN events e ON e.sequence = c.sequence
WHERE (e.encryption_denomination = c.denomination AND e.encryption_serial_number = c.serial_number)
  OR (e.second_denomination = c.denomination AND e.second_serial_number = c.serial_number)
UNION ALL
SELECT e.sequence, strftime('%Y-%m-%dT%H:%M:%fZ', time / 1000.0, 'unixepoch'), action, status,
  CASE WHEN r.reason IS NULL THEN 'restored' ELSE 'not restored' END,
  c.denomination, c.serial_number, r.split_id, r.authority, r.reason, address
FROM coin_events c CROSS JOIN reconstructions r ON r.event = c.sequence CROSS JOIN events e ON e.sequence = c.sequence
WHERE r.denomination = c.denomination AND r.serial_number = c.serial_number
UNION ALL
SELECT sequence, strftime('%Y-%m-%dT%H:%M:%fZ', time / 1000.0, 'unixepoch'), action, status, 'named',
  denomination, serial_number, NULL, NULL, reason, address
FROM events WHERE serial_number IS NOT NULL AND sequence > (SELECT through FROM indexed)
UNION ALL
SELECT sequence, strftime('%Y-%m-%dT%H:%M:%fZ', time / 1000.0, 'unixepoch'), action, status, 'encryption',
  encryption_denomination, encryption_serial_number, NULL, NULL, reason, address
FROM events WHERE encryption_serial_number IS NOT NULL AND sequence > (SELECT through FROM indexed)
UNION ALL
SELECT sequence, strftime('%Y-%m-%dT%H:%M:%fZ', time / 1000.0, 'unixepoch'), action, status, 'encryption',
  second_denomination, second_serial_number, NULL, NULL, reason, address
FROM events WHERE second_serial_number IS NOT NULL AND sequence > (SELECT through FROM indexed)
UNION ALL
SELECT e.sequence, strftime('%Y-%m-%dT%H:%M:%fZ', time / 1000.0, 'unixepoch'), action, status,
  CASE WHEN r.reason IS NULL THEN 'restored' ELSE 'not restored' END,
  r.denomination, r.serial_number, r.split_id, r.authority, r.reason, address
FROM events e CROSS JOIN reconstructions r ON r.event = e.sequence
WHERE e.sequence > (SELECT through FROM indexed);
