-- When all that a tenant's backtests of a version hung is forgotten; '' as the strategy is
-- all of the tenant's together. What was counted before is forgotten.
ALTER TABLE backtest_hangs ADD COLUMN empties_at BIGINT NOT NULL DEFAULT 0;
--bun:split
-- Workers look for a tenant's last success with a version.
CREATE INDEX backtests_done ON backtests (tenant_id, strategy, strategy_version, finished_at) WHERE status = 'done';
