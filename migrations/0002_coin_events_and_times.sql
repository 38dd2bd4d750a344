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
-- The new tables follow the log as far as key_events does.
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
CREATE INDEX `chat_keys_coin` ON `chat_keys` (`denomination`,`serial_number`);
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
