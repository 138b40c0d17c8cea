-- What an account has left of its venue's calls, for all workers that use it.
CREATE TABLE account_turns (
	tenant_id TEXT NOT NULL,
	account_id TEXT NOT NULL,
	calls_left BIGINT NOT NULL,
	counted_at BIGINT,
	paused_until BIGINT,
	waiting TEXT NOT NULL,
	PRIMARY KEY (tenant_id, account_id)
);
