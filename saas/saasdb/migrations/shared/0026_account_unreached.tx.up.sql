-- Since when an account's exchange does not answer.
ALTER TABLE exchange_accounts ADD COLUMN unreached_at BIGINT;
