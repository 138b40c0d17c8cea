-- Orders at remote venues. An intent is a row before a byte leaves; number is the
-- command's within the bot, below 0 for an order that was claimed.
CREATE TABLE live_orders (
	tenant_id TEXT NOT NULL,
	bot_id TEXT NOT NULL,
	number BIGINT NOT NULL,
	client_id TEXT NOT NULL,
	run BIGINT NOT NULL,
	account TEXT NOT NULL,
	pair TEXT NOT NULL,
	epoch BIGINT NOT NULL,
	side TEXT NOT NULL,
	type TEXT NOT NULL,
	price TEXT NOT NULL,
	volume TEXT NOT NULL,
	value TEXT NOT NULL,
	post_only BOOLEAN NOT NULL,
	time_in_force TEXT NOT NULL,
	urgent BOOLEAN NOT NULL,
	state TEXT NOT NULL,
	rank BIGINT NOT NULL,
	settled BOOLEAN NOT NULL,
	reason TEXT NOT NULL,
	venue_id TEXT NOT NULL,
	told TEXT NOT NULL,
	filled TEXT NOT NULL,
	filled_value TEXT NOT NULL,
	fee TEXT NOT NULL,
	fee_base TEXT NOT NULL,
	floor BIGINT NOT NULL,
	valid_until BIGINT,
	cancel_asked BIGINT,
	created_at BIGINT NOT NULL,
	updated_at BIGINT NOT NULL,
	PRIMARY KEY (tenant_id, bot_id, number),
	FOREIGN KEY (tenant_id, bot_id) REFERENCES bots (tenant_id, id) ON DELETE CASCADE
);
--bun:split
CREATE INDEX live_orders_unsettled ON live_orders (tenant_id, bot_id, number) WHERE NOT settled;
--bun:split
-- event orders all that happened to a bot's live orders, fills included.
CREATE TABLE live_transitions (
	tenant_id TEXT NOT NULL,
	bot_id TEXT NOT NULL,
	event BIGINT NOT NULL,
	number BIGINT NOT NULL,
	from_state TEXT NOT NULL,
	to_state TEXT NOT NULL,
	cause TEXT NOT NULL,
	at BIGINT NOT NULL,
	PRIMARY KEY (tenant_id, bot_id, event),
	FOREIGN KEY (tenant_id, bot_id) REFERENCES bots (tenant_id, id) ON DELETE CASCADE
);
--bun:split
CREATE TABLE live_fills (
	tenant_id TEXT NOT NULL,
	bot_id TEXT NOT NULL,
	number BIGINT NOT NULL,
	sequence BIGINT NOT NULL,
	event BIGINT NOT NULL,
	client_id TEXT NOT NULL,
	pair TEXT NOT NULL,
	side TEXT NOT NULL,
	price TEXT NOT NULL,
	volume TEXT NOT NULL,
	value TEXT NOT NULL,
	fee_counter TEXT NOT NULL,
	fee_base TEXT NOT NULL,
	maker BOOLEAN NOT NULL,
	at BIGINT NOT NULL,
	PRIMARY KEY (tenant_id, bot_id, number, sequence),
	UNIQUE (tenant_id, bot_id, event),
	FOREIGN KEY (tenant_id, bot_id) REFERENCES bots (tenant_id, id) ON DELETE CASCADE
);
--bun:split
CREATE TABLE live_books (
	tenant_id TEXT NOT NULL,
	bot_id TEXT NOT NULL,
	pair TEXT NOT NULL,
	account TEXT NOT NULL,
	base_currency TEXT NOT NULL,
	counter_currency TEXT NOT NULL,
	given_base TEXT NOT NULL,
	given_counter TEXT NOT NULL,
	base TEXT NOT NULL,
	counter TEXT NOT NULL,
	mark BIGINT NOT NULL,
	PRIMARY KEY (tenant_id, bot_id, pair),
	FOREIGN KEY (tenant_id, bot_id) REFERENCES bots (tenant_id, id) ON DELETE CASCADE
);
--bun:split
CREATE INDEX live_books_account ON live_books (tenant_id, account);
--bun:split
CREATE TABLE live_foreign (
	tenant_id TEXT NOT NULL,
	bot_id TEXT NOT NULL,
	pair TEXT NOT NULL,
	venue_id TEXT NOT NULL,
	client_id TEXT NOT NULL,
	side TEXT NOT NULL,
	price TEXT NOT NULL,
	volume TEXT NOT NULL,
	ours BOOLEAN NOT NULL,
	over BOOLEAN NOT NULL,
	found_at BIGINT NOT NULL,
	decision TEXT NOT NULL,
	decided_by TEXT NOT NULL,
	decided_at BIGINT,
	PRIMARY KEY (tenant_id, bot_id, pair, venue_id),
	FOREIGN KEY (tenant_id, bot_id) REFERENCES bots (tenant_id, id) ON DELETE CASCADE
);
--bun:split
CREATE TABLE live_checks (
	tenant_id TEXT NOT NULL,
	bot_id TEXT NOT NULL,
	account TEXT NOT NULL,
	at BIGINT NOT NULL,
	paused TEXT NOT NULL,
	body TEXT NOT NULL,
	PRIMARY KEY (tenant_id, bot_id),
	FOREIGN KEY (tenant_id, bot_id) REFERENCES bots (tenant_id, id) ON DELETE CASCADE
);
