CREATE TABLE strategy_versions (
	name TEXT NOT NULL,
	version TEXT NOT NULL,
	sha256 TEXT NOT NULL,
	size BIGINT NOT NULL,
	manifest TEXT NOT NULL,
	publisher TEXT NOT NULL,
	status TEXT NOT NULL,
	isolation TEXT NOT NULL,
	installed_by TEXT NOT NULL,
	installed_at BIGINT NOT NULL,
	approved_by TEXT NOT NULL,
	approved_at BIGINT,
	revoked_by TEXT NOT NULL,
	revoked_at BIGINT,
	reason TEXT NOT NULL,
	PRIMARY KEY (name, version)
);
--bun:split
CREATE TABLE strategy_changes (
	id TEXT NOT NULL PRIMARY KEY,
	name TEXT NOT NULL,
	version TEXT NOT NULL,
	sha256 TEXT NOT NULL,
	action TEXT NOT NULL,
	actor TEXT NOT NULL,
	note TEXT NOT NULL,
	at BIGINT NOT NULL
);
--bun:split
-- Bots of before are pinned to nothing: they take the version that the server
-- contains when they begin.
ALTER TABLE bot_configs ADD COLUMN strategy_version TEXT NOT NULL DEFAULT '';
--bun:split
ALTER TABLE bot_configs ADD COLUMN upgrade_version TEXT NOT NULL DEFAULT '';
--bun:split
ALTER TABLE bot_configs ADD COLUMN upgrade_parameters TEXT NOT NULL DEFAULT '';
--bun:split
ALTER TABLE bot_configs ADD COLUMN isolation TEXT NOT NULL DEFAULT 'shared';
