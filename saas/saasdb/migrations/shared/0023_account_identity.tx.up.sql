-- Whose account at its venue a connection is, by one of the venue's own ids, and
-- when the key of a refused one was destroyed.
ALTER TABLE exchange_accounts ADD COLUMN venue_account TEXT NOT NULL DEFAULT '';
--bun:split
ALTER TABLE exchange_accounts ADD COLUMN key_destroyed_at BIGINT;
--bun:split
-- An account at a venue is connected once in an installation, whoever has keys to it.
CREATE UNIQUE INDEX exchange_accounts_held ON exchange_accounts (venue, venue_account)
	WHERE venue_account <> '' AND state IN ('checking', 'connected');
--bun:split
-- Workers look for keys that are kept for nothing over all tenants.
CREATE INDEX exchange_accounts_refused ON exchange_accounts (checked_at)
	WHERE key_destroyed_at IS NULL AND state IN ('refused', 'revoked');
--bun:split
-- Counts of calls that say nothing any more.
CREATE INDEX account_turns_counted ON account_turns (counted_at);
