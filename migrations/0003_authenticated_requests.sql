CREATE TABLE `authenticated_requests` (
	`number` integer PRIMARY KEY NOT NULL,
	`time` integer NOT NULL,
	`identity` blob NOT NULL,
	`body` blob NOT NULL,
	`status` integer NOT NULL,
	`payload` blob NOT NULL,
	`checksum` integer NOT NULL
);
