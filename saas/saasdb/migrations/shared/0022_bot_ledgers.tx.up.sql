-- Which of its accounts a bot keeps, on which market it trades, and since when in the
-- way that it does.
ALTER TABLE bots ADD COLUMN ledger BIGINT NOT NULL DEFAULT 0;
--bun:split
ALTER TABLE bots ADD COLUMN market TEXT NOT NULL DEFAULT '';
--bun:split
ALTER TABLE bots ADD COLUMN setup_at BIGINT;
--bun:split
UPDATE bots SET setup_at =
	(SELECT c.updated_at FROM bot_configs AS c WHERE c.tenant_id = bots.tenant_id AND c.id = bots.config_id);
--bun:split
-- Whose money is on an account.
CREATE INDEX bot_configs_account ON bot_configs (tenant_id, account_id) WHERE account_id <> '';
--bun:split
-- The wish to go on after a mismatch, until it is granted.
ALTER TABLE live_checks ADD COLUMN resume_by TEXT NOT NULL DEFAULT '';
--bun:split
ALTER TABLE live_checks ADD COLUMN resume_at BIGINT;
