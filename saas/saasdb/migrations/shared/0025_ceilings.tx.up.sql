-- What all live bots of a tenant together may have at stake, and lose in a day, in a counter
-- currency; '0' is no bound. reached_at is the day on which the loss was reached.
CREATE TABLE ceilings (
	tenant_id TEXT NOT NULL,
	currency TEXT NOT NULL,
	max_exposure TEXT NOT NULL,
	max_daily_loss TEXT NOT NULL,
	reached_at BIGINT,
	loss TEXT NOT NULL,
	set_by TEXT NOT NULL,
	set_at BIGINT NOT NULL,
	version BIGINT NOT NULL,
	PRIMARY KEY (tenant_id, currency)
);
--bun:split
-- Commits of intents look for the books of a tenant in a currency.
CREATE INDEX live_books_currency ON live_books (tenant_id, counter_currency);
