-- What an exchange account held when its key was checked last.
ALTER TABLE exchange_accounts ADD COLUMN balances TEXT NOT NULL DEFAULT '[]';
--bun:split
ALTER TABLE exchange_accounts ADD COLUMN balances_at BIGINT;
