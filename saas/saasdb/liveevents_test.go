package saasdb_test

import (
	"sync"
	"testing"

	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/saasdb"
)

// proves T7: whoever reads events while others are written misses none, although they lie
// in two tables: a bot that took a later one would never hear of it.
func TestLiveEventsAreReadWithoutGaps(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, s *saasdb.Store) {
		const rounds = 150
		_, b := newBot(t, s, "a")
		epoch := own(t, s, "a", b.ID)
		var writing sync.WaitGroup
		writing.Go(func() {
			for n := int64(1); n <= rounds; n++ {
				for _, e := range []journal.LiveEntry{
					{Transitions: []journal.Transition{{Order: 1, Event: 2*n - 1, To: journal.Open, Cause: "why", At: start()}}},
					{Fills: []journal.LiveFill{{Order: 1, Event: 2 * n, Pair: "XBTMYR", Fill: journal.Fill{BotID: b.ID, Sequence: n, Side: "buy", Time: start()}}}},
				} {
					e.TenantID, e.BotID, e.Epoch = "a", b.ID, epoch
					if err := commitLive(t, s, e); err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
		for last := int64(0); last < 2*rounds && !t.Failed(); {
			events, err := s.LiveEvents(t.Context(), "a", b.ID, last, 100)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range events {
				if e.Event != last+1 {
					t.Errorf("after event %d it reads %d", last, e.Event)
				}
				last = e.Event
			}
		}
		writing.Wait()
	})
}
