-- Whether a backtest looks closely for knowledge of the future.
ALTER TABLE backtests ADD COLUMN full_look BOOLEAN NOT NULL DEFAULT FALSE;
