-- What a backtest begins with beside its cash, and what trading costs in it beside
-- the fees and the slippage.
ALTER TABLE backtests ADD COLUMN terms TEXT NOT NULL DEFAULT '{}';
