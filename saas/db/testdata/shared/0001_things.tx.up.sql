CREATE TABLE things (tenant_id TEXT NOT NULL, id TEXT NOT NULL, n BIGINT NOT NULL DEFAULT 0, at BIGINT, PRIMARY KEY (tenant_id, id));
--bun:split
CREATE INDEX things_n ON things (tenant_id, n);
