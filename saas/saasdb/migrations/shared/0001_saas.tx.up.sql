CREATE TABLE bot_configs (
	tenant_id TEXT NOT NULL,
	id TEXT NOT NULL,
	bot_id TEXT NOT NULL,
	name TEXT NOT NULL,
	pair TEXT NOT NULL,
	strategy TEXT NOT NULL,
	mode TEXT NOT NULL,
	parameters TEXT NOT NULL,
	balance TEXT NOT NULL,
	risk TEXT NOT NULL,
	key_hint TEXT NOT NULL,
	version BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	updated_at BIGINT NOT NULL,
	PRIMARY KEY (tenant_id, id),
	UNIQUE (tenant_id, bot_id)
);
--bun:split
CREATE TABLE bots (
	tenant_id TEXT NOT NULL,
	id TEXT NOT NULL,
	config_id TEXT NOT NULL,
	desired BOOLEAN NOT NULL,
	status TEXT NOT NULL,
	reason TEXT NOT NULL,
	run BIGINT NOT NULL,
	started_at BIGINT,
	created_at BIGINT NOT NULL,
	updated_at BIGINT NOT NULL,
	PRIMARY KEY (tenant_id, id),
	UNIQUE (tenant_id, config_id),
	FOREIGN KEY (tenant_id, config_id) REFERENCES bot_configs (tenant_id, id) ON DELETE CASCADE
);
--bun:split
CREATE INDEX bots_runnable ON bots (tenant_id, id) WHERE desired OR status NOT IN ('stopped', 'error');
--bun:split
CREATE TABLE exchange_credentials (
	tenant_id TEXT NOT NULL,
	config_id TEXT NOT NULL,
	sealed_key TEXT NOT NULL,
	sealed_secret TEXT NOT NULL,
	key_hint TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	PRIMARY KEY (tenant_id, config_id),
	FOREIGN KEY (tenant_id, config_id) REFERENCES bot_configs (tenant_id, id) ON DELETE CASCADE
);
--bun:split
CREATE TABLE bot_orders (
	tenant_id TEXT NOT NULL,
	bot_id TEXT NOT NULL,
	client_id TEXT NOT NULL,
	run BIGINT NOT NULL,
	number BIGINT NOT NULL,
	side TEXT NOT NULL,
	type TEXT NOT NULL,
	price TEXT NOT NULL,
	volume TEXT NOT NULL,
	value TEXT NOT NULL,
	post_only BOOLEAN NOT NULL,
	time_in_force TEXT NOT NULL,
	state TEXT NOT NULL,
	rank BIGINT NOT NULL,
	reason TEXT NOT NULL,
	filled TEXT NOT NULL,
	filled_value TEXT NOT NULL,
	fee TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	updated_at BIGINT NOT NULL,
	PRIMARY KEY (tenant_id, bot_id, client_id),
	FOREIGN KEY (tenant_id, bot_id) REFERENCES bots (tenant_id, id) ON DELETE CASCADE
);
--bun:split
CREATE INDEX bot_orders_number ON bot_orders (tenant_id, bot_id, number);
--bun:split
CREATE INDEX bot_orders_open ON bot_orders (tenant_id, bot_id, number) WHERE rank < 9;
--bun:split
CREATE TABLE bot_fills (
	tenant_id TEXT NOT NULL,
	bot_id TEXT NOT NULL,
	sequence BIGINT NOT NULL,
	client_id TEXT NOT NULL,
	side TEXT NOT NULL,
	price TEXT NOT NULL,
	volume TEXT NOT NULL,
	value TEXT NOT NULL,
	fee_counter TEXT NOT NULL,
	fee_base TEXT NOT NULL,
	profit TEXT NOT NULL,
	maker BOOLEAN NOT NULL,
	at BIGINT NOT NULL,
	PRIMARY KEY (tenant_id, bot_id, sequence),
	FOREIGN KEY (tenant_id, bot_id) REFERENCES bots (tenant_id, id) ON DELETE CASCADE
);
--bun:split
CREATE TABLE bot_decisions (
	tenant_id TEXT NOT NULL,
	bot_id TEXT NOT NULL,
	number BIGINT NOT NULL,
	kind TEXT NOT NULL,
	text TEXT NOT NULL,
	at BIGINT,
	PRIMARY KEY (tenant_id, bot_id, number),
	FOREIGN KEY (tenant_id, bot_id) REFERENCES bots (tenant_id, id) ON DELETE CASCADE
);
--bun:split
CREATE TABLE bot_equity (
	tenant_id TEXT NOT NULL,
	bot_id TEXT NOT NULL,
	at BIGINT NOT NULL,
	equity TEXT NOT NULL,
	position TEXT NOT NULL,
	price TEXT NOT NULL,
	PRIMARY KEY (tenant_id, bot_id, at),
	FOREIGN KEY (tenant_id, bot_id) REFERENCES bots (tenant_id, id) ON DELETE CASCADE
);
--bun:split
CREATE TABLE bot_checkpoints (
	tenant_id TEXT NOT NULL,
	bot_id TEXT NOT NULL,
	run BIGINT NOT NULL,
	sequence BIGINT NOT NULL,
	market_time BIGINT,
	state TEXT NOT NULL,
	summary TEXT NOT NULL,
	PRIMARY KEY (tenant_id, bot_id),
	FOREIGN KEY (tenant_id, bot_id) REFERENCES bots (tenant_id, id) ON DELETE CASCADE
);
--bun:split
CREATE TABLE lease_holders (
	name TEXT NOT NULL PRIMARY KEY,
	incarnation BIGINT NOT NULL
);
--bun:split
CREATE TABLE leases (
	tenant_id TEXT NOT NULL,
	kind TEXT NOT NULL,
	resource_id TEXT NOT NULL,
	-- The resource again if it is a bot: its lease goes with it and cannot come
	-- back with an old epoch.
	bot_id TEXT,
	holder TEXT NOT NULL,
	incarnation BIGINT NOT NULL,
	epoch BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	PRIMARY KEY (tenant_id, kind, resource_id),
	FOREIGN KEY (tenant_id, bot_id) REFERENCES bots (tenant_id, id) ON DELETE CASCADE
);
--bun:split
CREATE INDEX leases_bot ON leases (tenant_id, bot_id);
--bun:split
CREATE INDEX leases_holder ON leases (holder, incarnation);
--bun:split
CREATE TABLE outbox_consumed (
	tenant_id TEXT NOT NULL,
	consumer TEXT NOT NULL,
	event_id TEXT NOT NULL,
	at BIGINT NOT NULL,
	PRIMARY KEY (tenant_id, consumer, event_id)
);
--bun:split
CREATE INDEX outbox_consumed_at ON outbox_consumed (at);
