-- Why a bot failed whose position and orders a worker looks after; '' for any other bot.
ALTER TABLE bots ADD COLUMN failure TEXT NOT NULL DEFAULT '';
--bun:split
DROP INDEX bots_runnable;
--bun:split
CREATE INDEX bots_runnable ON bots (tenant_id, id) WHERE desired OR failure <> '' OR status NOT IN ('stopped', 'error');
