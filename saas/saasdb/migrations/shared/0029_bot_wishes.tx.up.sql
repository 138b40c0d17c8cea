-- What a tenant wants of a bot while it runs: to buy nothing any more, and how often somebody
-- let it go on after a circuit breaker.
ALTER TABLE bots ADD COLUMN close_only BOOLEAN NOT NULL DEFAULT FALSE;
--bun:split
ALTER TABLE bots ADD COLUMN resumes BIGINT NOT NULL DEFAULT 0;
