-- How often a tenant's backtests of a version of a strategy hung in a row.
CREATE TABLE backtest_hangs (
	tenant_id TEXT NOT NULL,
	strategy TEXT NOT NULL,
	version TEXT NOT NULL,
	times BIGINT NOT NULL,
	last_at BIGINT NOT NULL,
	PRIMARY KEY (tenant_id, strategy, version)
);
