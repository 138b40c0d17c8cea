-- Which history a backtest goes over: its source, the length of the recorded
-- candles and the market that they were traded in. Earlier ones went over the
-- minutes of the market that bots trade in.
ALTER TABLE backtests ADD COLUMN history TEXT NOT NULL DEFAULT '{"source":"market","recorded":"1m0s"}';
