ALTER TABLE bot_configs ADD COLUMN upgrade_fault TEXT NOT NULL DEFAULT '';
--bun:split
-- Backtests of before ran what the server contains.
ALTER TABLE backtests ADD COLUMN strategy_version TEXT NOT NULL DEFAULT '';
