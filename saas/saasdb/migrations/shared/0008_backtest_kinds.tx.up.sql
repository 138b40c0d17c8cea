ALTER TABLE backtests ADD COLUMN kind TEXT NOT NULL DEFAULT 'backtest';
--bun:split
ALTER TABLE backtests ADD COLUMN search TEXT NOT NULL DEFAULT 'null';
