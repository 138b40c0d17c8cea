-- Of one candle there may be several points and baselines of a tape, because a bot at an
-- exchange hears of its orders between candles.
CREATE TABLE bot_baseline_parts (
	tenant_id TEXT NOT NULL,
	bot_id TEXT NOT NULL,
	run BIGINT NOT NULL,
	sequence BIGINT NOT NULL,
	part BIGINT NOT NULL,
	at BIGINT NOT NULL,
	body TEXT NOT NULL,
	PRIMARY KEY (tenant_id, bot_id, run, sequence, part),
	FOREIGN KEY (tenant_id, bot_id) REFERENCES bots (tenant_id, id) ON DELETE CASCADE
);
--bun:split
INSERT INTO bot_baseline_parts (tenant_id, bot_id, run, sequence, part, at, body)
	SELECT tenant_id, bot_id, run, sequence, 0, at, body FROM bot_baselines;
--bun:split
DROP TABLE bot_baselines;
--bun:split
ALTER TABLE bot_baseline_parts RENAME TO bot_baselines;
--bun:split
CREATE TABLE bot_tape_parts (
	tenant_id TEXT NOT NULL,
	bot_id TEXT NOT NULL,
	run BIGINT NOT NULL,
	sequence BIGINT NOT NULL,
	part BIGINT NOT NULL,
	at BIGINT NOT NULL,
	body TEXT NOT NULL,
	PRIMARY KEY (tenant_id, bot_id, run, sequence, part),
	FOREIGN KEY (tenant_id, bot_id) REFERENCES bots (tenant_id, id) ON DELETE CASCADE
);
--bun:split
INSERT INTO bot_tape_parts (tenant_id, bot_id, run, sequence, part, at, body)
	SELECT tenant_id, bot_id, run, sequence, 0, at, body FROM bot_tape;
--bun:split
DROP TABLE bot_tape;
--bun:split
ALTER TABLE bot_tape_parts RENAME TO bot_tape;
