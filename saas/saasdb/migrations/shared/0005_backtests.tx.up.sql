CREATE TABLE backtests (
	tenant_id TEXT NOT NULL,
	id TEXT NOT NULL,
	name TEXT NOT NULL,
	pair TEXT NOT NULL,
	strategy TEXT NOT NULL,
	parameters TEXT NOT NULL,
	interval_seconds BIGINT NOT NULL,
	from_at BIGINT NOT NULL,
	to_at BIGINT NOT NULL,
	balance TEXT NOT NULL,
	maker_fee TEXT NOT NULL,
	taker_fee TEXT NOT NULL,
	slippage TEXT NOT NULL,
	risk TEXT NOT NULL,
	status TEXT NOT NULL,
	reason TEXT NOT NULL,
	done BIGINT NOT NULL,
	total BIGINT NOT NULL,
	attempt BIGINT NOT NULL,
	figures TEXT NOT NULL,
	line TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	started_at BIGINT,
	finished_at BIGINT,
	PRIMARY KEY (tenant_id, id)
);
--bun:split
CREATE INDEX backtests_pending ON backtests (tenant_id, id) WHERE status IN ('queued', 'running');
--bun:split
-- SQLite knows BYTEA as well as any other name.
CREATE TABLE backtest_results (
	tenant_id TEXT NOT NULL,
	backtest_id TEXT NOT NULL,
	page BYTEA NOT NULL,
	document BYTEA NOT NULL,
	equity BYTEA NOT NULL,
	PRIMARY KEY (tenant_id, backtest_id),
	FOREIGN KEY (tenant_id, backtest_id) REFERENCES backtests (tenant_id, id) ON DELETE CASCADE
);
--bun:split
-- The leases once more, with the resource again if it is a backtest: SQLite adds
-- no foreign key to a table that is there.
CREATE TABLE leases_new (
	tenant_id TEXT NOT NULL,
	kind TEXT NOT NULL,
	resource_id TEXT NOT NULL,
	bot_id TEXT,
	backtest_id TEXT,
	holder TEXT NOT NULL,
	incarnation BIGINT NOT NULL,
	epoch BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	PRIMARY KEY (tenant_id, kind, resource_id),
	FOREIGN KEY (tenant_id, bot_id) REFERENCES bots (tenant_id, id) ON DELETE CASCADE,
	FOREIGN KEY (tenant_id, backtest_id) REFERENCES backtests (tenant_id, id) ON DELETE CASCADE
);
--bun:split
INSERT INTO leases_new (tenant_id, kind, resource_id, bot_id, holder, incarnation, epoch, expires_at)
	SELECT tenant_id, kind, resource_id, bot_id, holder, incarnation, epoch, expires_at FROM leases;
--bun:split
DROP TABLE leases;
--bun:split
ALTER TABLE leases_new RENAME TO leases;
--bun:split
CREATE INDEX leases_bot ON leases (tenant_id, bot_id);
--bun:split
CREATE INDEX leases_backtest ON leases (tenant_id, backtest_id);
--bun:split
CREATE INDEX leases_holder ON leases (holder, incarnation);
