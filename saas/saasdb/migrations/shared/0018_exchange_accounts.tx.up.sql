-- Accounts at exchanges that tenants connected, each with its sealed key.
CREATE TABLE exchange_accounts (
	tenant_id TEXT NOT NULL,
	id TEXT NOT NULL,
	name TEXT NOT NULL,
	venue TEXT NOT NULL,
	sealed_key TEXT NOT NULL,
	sealed_secret TEXT NOT NULL,
	key_hint TEXT NOT NULL,
	state TEXT NOT NULL,
	reason TEXT NOT NULL,
	rights TEXT NOT NULL,
	notes TEXT NOT NULL,
	tries BIGINT NOT NULL,
	check_at BIGINT,
	checked_at BIGINT,
	created_at BIGINT NOT NULL,
	updated_at BIGINT NOT NULL,
	PRIMARY KEY (tenant_id, id)
);
--bun:split
-- Workers look for what is due over all tenants.
CREATE INDEX exchange_accounts_due ON exchange_accounts (check_at) WHERE check_at IS NOT NULL;
