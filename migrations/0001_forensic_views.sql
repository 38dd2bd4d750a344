-- What ad hoc queries may see: everything but keys, authentication numbers, sealed halves and the node's secrets.
CREATE VIEW `v_keys` AS
SELECT lower(hex(key_id)) AS key_id, denomination, serial_number, length(key) AS size,
  strftime('%Y-%m-%dT%H:%M:%fZ', posted_at / 1000.0, 'unixepoch') AS posted_at, replacements,
  (SELECT count(*) FROM key_events e WHERE e.key_id = chat_keys.key_id AND e.fetched = 1) AS fetches
FROM chat_keys;
--> statement-breakpoint
CREATE VIEW `v_key_events` AS
SELECT sequence, strftime('%Y-%m-%dT%H:%M:%fZ', time / 1000.0, 'unixepoch') AS time, action, status, reason,
  lower(hex(key_id)) AS key_id, denomination, serial_number, encryption_type, encryption_denomination,
  encryption_serial_number, second_denomination, second_serial_number, address
FROM events WHERE key_id IS NOT NULL;
--> statement-breakpoint
CREATE VIEW `v_coin_events` AS
SELECT sequence, strftime('%Y-%m-%dT%H:%M:%fZ', time / 1000.0, 'unixepoch') AS time, action, status, 'named' AS role,
  denomination, serial_number, NULL AS split_id, NULL AS authority, reason, address
FROM events WHERE serial_number IS NOT NULL
UNION ALL
SELECT sequence, strftime('%Y-%m-%dT%H:%M:%fZ', time / 1000.0, 'unixepoch'), action, status, 'encryption',
  encryption_denomination, encryption_serial_number, NULL, NULL, reason, address
FROM events WHERE encryption_serial_number IS NOT NULL
UNION ALL
SELECT r.event, strftime('%Y-%m-%dT%H:%M:%fZ', e.time / 1000.0, 'unixepoch'), e.action, e.status,
  CASE WHEN r.reason IS NULL THEN 'restored' ELSE 'not restored' END,
  r.denomination, r.serial_number, r.split_id, r.authority, r.reason, e.address
FROM reconstructions r JOIN events e ON e.sequence = r.event;
--> statement-breakpoint
CREATE VIEW `v_denominations` AS
SELECT p.denomination, count(*) AS pages, sum(f.in_use) AS in_use, count(*) * 1024 - sum(f.in_use) AS free
FROM coin_pages p JOIN free_pages f ON f.page_id = p.id GROUP BY p.denomination;
