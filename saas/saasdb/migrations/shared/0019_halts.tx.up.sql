-- Kill switches, those that are on and those that were. The tenant '' is the installation;
-- the bot '' is all bots of the tenant.
CREATE TABLE halts (
	tenant_id TEXT NOT NULL,
	id TEXT NOT NULL,
	bot_id TEXT NOT NULL,
	flatten BOOLEAN NOT NULL,
	reason TEXT NOT NULL,
	pulled_by TEXT NOT NULL,
	pulled_at BIGINT NOT NULL,
	released_by TEXT NOT NULL,
	released_at BIGINT,
	stopped BIGINT NOT NULL,
	PRIMARY KEY (tenant_id, id)
);
--bun:split
-- One of a tenant and bot is on at a time. Workers read those that are on, of all tenants.
CREATE UNIQUE INDEX halts_on ON halts (tenant_id, bot_id) WHERE released_at IS NULL;
--bun:split
-- How a bot that is to stop shall end: '' as its tenant asked, or by a kill switch.
ALTER TABLE bots ADD COLUMN ending TEXT NOT NULL DEFAULT '';
