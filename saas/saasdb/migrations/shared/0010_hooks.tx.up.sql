CREATE TABLE hooks (
	tenant_id TEXT NOT NULL,
	bot_id TEXT NOT NULL,
	id TEXT NOT NULL,
	due BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	PRIMARY KEY (tenant_id, bot_id),
	FOREIGN KEY (tenant_id, bot_id) REFERENCES bots (tenant_id, id) ON DELETE CASCADE
);
--bun:split
-- Who sends a message does not know the tenant.
CREATE UNIQUE INDEX hooks_address ON hooks (id);
--bun:split
-- SQLite knows BYTEA as well as any other name.
CREATE TABLE hook_keys (
	tenant_id TEXT NOT NULL,
	bot_id TEXT NOT NULL,
	id TEXT NOT NULL,
	hash BYTEA NOT NULL,
	created_at BIGINT NOT NULL,
	expires_at BIGINT,
	PRIMARY KEY (tenant_id, bot_id, id),
	FOREIGN KEY (tenant_id, bot_id) REFERENCES hooks (tenant_id, bot_id) ON DELETE CASCADE
);
--bun:split
CREATE TABLE bot_signals (
	tenant_id TEXT NOT NULL,
	bot_id TEXT NOT NULL,
	id TEXT NOT NULL,
	key TEXT NOT NULL,
	run BIGINT NOT NULL,
	text TEXT NOT NULL,
	sum BYTEA NOT NULL,
	received_at BIGINT NOT NULL,
	market_time BIGINT NOT NULL,
	status TEXT NOT NULL,
	answer TEXT NOT NULL,
	heard_at BIGINT,
	PRIMARY KEY (tenant_id, bot_id, id),
	FOREIGN KEY (tenant_id, bot_id) REFERENCES bots (tenant_id, id) ON DELETE CASCADE
);
--bun:split
CREATE UNIQUE INDEX bot_signals_key ON bot_signals (tenant_id, bot_id, key);
--bun:split
CREATE INDEX bot_signals_waiting ON bot_signals (tenant_id, bot_id, id) WHERE status = 'waiting';
