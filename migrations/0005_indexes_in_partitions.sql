-- The entries of each index stand in partitions of 2^20 rows of what it follows: a round is merged into one or two of them.
DROP VIEW `v_keys`;
--> statement-breakpoint
DROP VIEW `v_coin_events`;
--> statement-breakpoint
ALTER TABLE `key_numbers` RENAME TO `old_key_numbers`;
--> statement-breakpoint
CREATE TABLE `key_numbers` (
	`partition` integer NOT NULL,
	`key_id` blob NOT NULL,
	`number` integer NOT NULL,
	PRIMARY KEY(`partition`, `key_id`)
) WITHOUT ROWID;
--> statement-breakpoint
INSERT OR IGNORE INTO `key_numbers` SELECT number >> 20, key_id, number FROM `old_key_numbers`;
--> statement-breakpoint
DROP TABLE `old_key_numbers`;
--> statement-breakpoint
ALTER TABLE `coin_keys` RENAME TO `old_coin_keys`;
--> statement-breakpoint
CREATE TABLE `coin_keys` (
	`partition` integer NOT NULL,
	`denomination` integer NOT NULL,
	`serial_number` integer NOT NULL,
	`number` integer NOT NULL,
	PRIMARY KEY(`partition`, `denomination`, `serial_number`, `number`)
) WITHOUT ROWID;
--> statement-breakpoint
INSERT OR IGNORE INTO `coin_keys` SELECT number >> 20, denomination, serial_number, number FROM `old_coin_keys`;
--> statement-breakpoint
DROP TABLE `old_coin_keys`;
--> statement-breakpoint
ALTER TABLE `key_events` RENAME TO `old_key_events`;
--> statement-breakpoint
CREATE TABLE `key_events` (
	`partition` integer NOT NULL,
	`key_id` blob NOT NULL,
	`sequence` integer NOT NULL,
	`fetched` integer NOT NULL,
	PRIMARY KEY(`partition`, `key_id`, `sequence`)
) WITHOUT ROWID;
--> statement-breakpoint
INSERT OR IGNORE INTO `key_events` SELECT sequence >> 20, key_id, sequence, fetched FROM `old_key_events`;
--> statement-breakpoint
DROP TABLE `old_key_events`;
--> statement-breakpoint
ALTER TABLE `coin_events` RENAME TO `old_coin_events`;
--> statement-breakpoint
CREATE TABLE `coin_events` (
	`partition` integer NOT NULL,
	`denomination` integer NOT NULL,
	`serial_number` integer NOT NULL,
	`sequence` integer NOT NULL,
	PRIMARY KEY(`partition`, `denomination`, `serial_number`, `sequence`)
) WITHOUT ROWID;
--> statement-breakpoint
INSERT OR IGNORE INTO `coin_events` SELECT sequence >> 20, denomination, serial_number, sequence FROM `old_coin_events`;
--> statement-breakpoint
DROP TABLE `old_coin_events`;
--> statement-breakpoint
-- The partitions of what is indexed: a look through an index asks each of them.
CREATE VIEW `key_partitions` AS
WITH RECURSIVE partitions(partition) AS (
  SELECT 0
  UNION ALL
  SELECT partition + 1 FROM partitions
  WHERE partition < (SELECT min(4095, CAST(CAST(value AS TEXT) AS INTEGER) >> 20) FROM settings WHERE name = 'keys_indexed_through')
)
SELECT partition FROM partitions;
--> statement-breakpoint
CREATE VIEW `event_partitions` AS
WITH RECURSIVE partitions(partition) AS (
  SELECT 0
  UNION ALL
  SELECT partition + 1 FROM partitions
  WHERE partition < (SELECT min(4095, CAST(CAST(value AS TEXT) AS INTEGER) >> 20) FROM settings WHERE name = 'indexed_through')
)
SELECT partition FROM partitions;
--> statement-breakpoint
CREATE VIEW `v_keys` AS
SELECT lower(hex(key_id)) AS key_id, denomination, serial_number, length(key) AS size,
  strftime('%Y-%m-%dT%H:%M:%fZ', posted_at / 1000.0, 'unixepoch') AS posted_at, replacements,
  (SELECT count(*) FROM event_partitions p CROSS JOIN key_events e ON e.partition = p.partition
   WHERE e.key_id = chat_keys.key_id AND e.fetched = 1) AS fetches
FROM chat_keys;
--> statement-breakpoint
CREATE VIEW `v_coin_events` AS
WITH indexed AS (
  SELECT coalesce((SELECT CAST(CAST(value AS TEXT) AS INTEGER) FROM settings WHERE name = 'indexed_through'), 0) AS through
)
SELECT e.sequence, strftime('%Y-%m-%dT%H:%M:%fZ', time / 1000.0, 'unixepoch') AS time, action, status, 'named' AS role,
  c.denomination, c.serial_number, NULL AS split_id, NULL AS authority, reason, address
FROM event_partitions p CROSS JOIN coin_events c ON c.partition = p.partition CROSS JOIN events e ON e.sequence = c.sequence
WHERE e.denomination = c.denomination AND e.serial_number = c.serial_number
  AND c.sequence <= (SELECT through FROM indexed)
UNION ALL
SELECT e.sequence, strftime('%Y-%m-%dT%H:%M:%fZ', time / 1000.0, 'unixepoch'), action, status, 'encryption',
  c.denomination, c.serial_number, NULL, NULL, reason, address
FROM event_partitions p CROSS JOIN coin_events c ON c.partition = p.partition CROSS JOIN events e ON e.sequence = c.sequence
WHERE ((e.encryption_denomination = c.denomination AND e.encryption_serial_number = c.serial_number)
  OR (e.second_denomination = c.denomination AND e.second_serial_number = c.serial_number))
  AND c.sequence <= (SELECT through FROM indexed)
UNION ALL
SELECT e.sequence, strftime('%Y-%m-%dT%H:%M:%fZ', time / 1000.0, 'unixepoch'), action, status,
  CASE WHEN r.reason IS NULL THEN 'restored' ELSE 'not restored' END,
  c.denomination, c.serial_number, r.split_id, r.authority, r.reason, address
FROM event_partitions p CROSS JOIN coin_events c ON c.partition = p.partition CROSS JOIN reconstructions r ON r.event = c.sequence CROSS JOIN events e ON e.sequence = c.sequence
WHERE r.denomination = c.denomination AND r.serial_number = c.serial_number
  AND c.sequence <= (SELECT through FROM indexed)
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
