-- The further pairs that a bot trades with the same balance, and the pair of each
-- order and fill, which was the bot's own so far.
ALTER TABLE bot_configs ADD COLUMN also TEXT NOT NULL DEFAULT '[]';
--bun:split
ALTER TABLE bot_orders ADD COLUMN pair TEXT NOT NULL DEFAULT '';
--bun:split
ALTER TABLE bot_fills ADD COLUMN pair TEXT NOT NULL DEFAULT '';
--bun:split
UPDATE bot_orders SET pair =
	(SELECT c.pair FROM bot_configs AS c WHERE c.tenant_id = bot_orders.tenant_id AND c.bot_id = bot_orders.bot_id);
--bun:split
UPDATE bot_fills SET pair =
	(SELECT c.pair FROM bot_configs AS c WHERE c.tenant_id = bot_fills.tenant_id AND c.bot_id = bot_fills.bot_id);
