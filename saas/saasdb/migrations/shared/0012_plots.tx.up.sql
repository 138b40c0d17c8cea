-- What strategies have drawn on the charts of their bots, in pieces of a few
-- candles; at is of the newest of a piece.
CREATE TABLE bot_plots (
	tenant_id TEXT NOT NULL,
	bot_id TEXT NOT NULL,
	at BIGINT NOT NULL,
	candles BIGINT NOT NULL,
	body TEXT NOT NULL,
	PRIMARY KEY (tenant_id, bot_id, at),
	FOREIGN KEY (tenant_id, bot_id) REFERENCES bots (tenant_id, id) ON DELETE CASCADE
);
