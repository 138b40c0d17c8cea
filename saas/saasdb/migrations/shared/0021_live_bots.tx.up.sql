-- The exchange account of a bot that trades live. The keys that configurations had
-- of their own were never used: a bot refers to an account instead.
ALTER TABLE bot_configs ADD COLUMN account_id TEXT NOT NULL DEFAULT '';
--bun:split
ALTER TABLE bot_configs DROP COLUMN key_hint;
--bun:split
DROP TABLE exchange_credentials;
