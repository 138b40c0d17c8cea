-- Where replays of a bot begin, and what its tape holds after that.
CREATE TABLE bot_baselines (
	tenant_id TEXT NOT NULL,
	bot_id TEXT NOT NULL,
	run BIGINT NOT NULL,
	sequence BIGINT NOT NULL,
	at BIGINT NOT NULL,
	body TEXT NOT NULL,
	PRIMARY KEY (tenant_id, bot_id, run, sequence),
	FOREIGN KEY (tenant_id, bot_id) REFERENCES bots (tenant_id, id) ON DELETE CASCADE
);
--bun:split
CREATE TABLE bot_tape (
	tenant_id TEXT NOT NULL,
	bot_id TEXT NOT NULL,
	run BIGINT NOT NULL,
	sequence BIGINT NOT NULL,
	at BIGINT NOT NULL,
	body TEXT NOT NULL,
	PRIMARY KEY (tenant_id, bot_id, run, sequence),
	FOREIGN KEY (tenant_id, bot_id) REFERENCES bots (tenant_id, id) ON DELETE CASCADE
);
--bun:split
-- The candles that bots saw, each form once for all bots: the market's, and so of
-- no tenant.
CREATE TABLE seen_candles (
	pair TEXT NOT NULL,
	at BIGINT NOT NULL,
	open BIGINT NOT NULL,
	high BIGINT NOT NULL,
	low BIGINT NOT NULL,
	close BIGINT NOT NULL,
	volume BIGINT NOT NULL,
	PRIMARY KEY (pair, at, open, high, low, close, volume)
);
--bun:split
-- The newest replay of a bot.
CREATE TABLE bot_replays (
	tenant_id TEXT NOT NULL,
	bot_id TEXT NOT NULL,
	status TEXT NOT NULL,
	attempt BIGINT NOT NULL,
	claimed_until BIGINT,
	done BIGINT NOT NULL,
	total BIGINT NOT NULL,
	reason TEXT NOT NULL,
	report TEXT NOT NULL,
	requested_at BIGINT NOT NULL,
	finished_at BIGINT,
	PRIMARY KEY (tenant_id, bot_id),
	FOREIGN KEY (tenant_id, bot_id) REFERENCES bots (tenant_id, id) ON DELETE CASCADE
);
--bun:split
CREATE INDEX bot_replays_pending ON bot_replays (tenant_id, bot_id) WHERE status IN ('queued', 'running');
