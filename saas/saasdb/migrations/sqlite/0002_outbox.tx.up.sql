CREATE TABLE outbox (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	tenant_id TEXT NOT NULL,
	event_id TEXT NOT NULL,
	type TEXT NOT NULL,
	subject TEXT NOT NULL,
	at BIGINT NOT NULL,
	data TEXT NOT NULL,
	sent_at BIGINT,
	UNIQUE (tenant_id, event_id)
);
--bun:split
CREATE INDEX outbox_unsent ON outbox (id) WHERE sent_at IS NULL;
--bun:split
CREATE INDEX outbox_sent ON outbox (sent_at) WHERE sent_at IS NOT NULL;
