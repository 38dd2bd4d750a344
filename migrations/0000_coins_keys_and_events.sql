CREATE TABLE `chat_keys` (
	`key_id` blob PRIMARY KEY NOT NULL,
	`denomination` integer NOT NULL,
	`serial_number` integer NOT NULL,
	`key` blob NOT NULL,
	`checksum` integer NOT NULL,
	`posted_at` integer NOT NULL,
	`replacements` integer NOT NULL,
	CONSTRAINT "chat_keys_id" CHECK(length("chat_keys"."key_id") = 16),
	CONSTRAINT "chat_keys_size" CHECK(length("chat_keys"."key") <= 127)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `coin_pages` (
	`id` integer PRIMARY KEY NOT NULL,
	`denomination` integer NOT NULL,
	`page_number` integer NOT NULL,
	`checksum` integer NOT NULL,
	`records` blob NOT NULL,
	CONSTRAINT "coin_pages_id" CHECK("coin_pages"."id" = ("coin_pages"."denomination" + 8) * 1000 + "coin_pages"."page_number"),
	CONSTRAINT "coin_pages_denomination" CHECK("coin_pages"."denomination" BETWEEN -8 AND 6),
	CONSTRAINT "coin_pages_number" CHECK("coin_pages"."page_number" BETWEEN 0 AND 999),
	CONSTRAINT "coin_pages_size" CHECK(length("coin_pages"."records") = 17408)
);
--> statement-breakpoint
CREATE TABLE `events` (
	`sequence` integer PRIMARY KEY NOT NULL,
	`time` integer NOT NULL,
	`action` text NOT NULL,
	`status` integer,
	`reason` text,
	`encryption_type` integer,
	`denomination` integer,
	`serial_number` integer,
	`encryption_denomination` integer,
	`encryption_serial_number` integer,
	`second_denomination` integer,
	`second_serial_number` integer,
	`key_id` blob,
	`address` text,
	`details` text,
	`hash` blob NOT NULL,
	CONSTRAINT "events_hash" CHECK(length("events"."hash") = 32)
);
--> statement-breakpoint
CREATE INDEX `events_coin` ON `events` (`denomination`,`serial_number`) WHERE "events"."serial_number" IS NOT NULL;--> statement-breakpoint
CREATE TABLE `free_pages` (
	`page_id` integer PRIMARY KEY NOT NULL,
	`bitmap` blob NOT NULL,
	`in_use` integer NOT NULL,
	FOREIGN KEY (`page_id`) REFERENCES `coin_pages`(`id`) ON UPDATE no action ON DELETE no action,
	CONSTRAINT "free_pages_size" CHECK(length("free_pages"."bitmap") = 128),
	CONSTRAINT "free_pages_in_use" CHECK("free_pages"."in_use" BETWEEN 0 AND 1024)
);
--> statement-breakpoint
CREATE TABLE `key_events` (
	`key_id` blob NOT NULL,
	`sequence` integer NOT NULL,
	`fetched` integer NOT NULL,
	PRIMARY KEY(`key_id`, `sequence`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `reconstructions` (
	`event` integer NOT NULL,
	`position` integer NOT NULL,
	`denomination` integer NOT NULL,
	`serial_number` integer NOT NULL,
	`split_id` integer NOT NULL,
	`authority` integer NOT NULL,
	`reason` text,
	`previous` blob,
	PRIMARY KEY(`event`, `position`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `reconstructions_coin` ON `reconstructions` (`denomination`,`serial_number`);--> statement-breakpoint
CREATE TABLE `settings` (
	`name` text PRIMARY KEY NOT NULL,
	`value` blob NOT NULL,
	`checksum` integer NOT NULL
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `tickets` (
	`digest` blob PRIMARY KEY NOT NULL,
	`split_id` integer NOT NULL,
	`accepted_at` integer NOT NULL,
	`checksum` integer NOT NULL
) WITHOUT ROWID;
