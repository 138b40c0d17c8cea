-- A foreign order is claimed by one bot only: what it trades must not be booked twice. Of those
-- that several were to claim the first bot keeps it.
UPDATE live_foreign SET decision = '', decided_by = '', decided_at = NULL
	WHERE decision = 'claim' AND NOT over AND EXISTS (
		SELECT 1 FROM live_foreign AS o WHERE o.tenant_id = live_foreign.tenant_id AND o.pair = live_foreign.pair AND o.venue_id = live_foreign.venue_id
			AND o.decision = 'claim' AND NOT o.over AND o.bot_id < live_foreign.bot_id);
--bun:split
CREATE UNIQUE INDEX live_foreign_claims ON live_foreign (tenant_id, pair, venue_id) WHERE decision = 'claim' AND NOT over;
