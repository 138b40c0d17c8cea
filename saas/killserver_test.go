package saas_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/page"
)

// placed is how many orders the journal has of the bot, and there how many of them are, or
// were, at the exchange, as it knows.
func (r *liveRun) placed() (all, there int) {
	r.t.Helper()
	list, err := r.store.LiveOrders(r.t.Context(), r.who.TenantID, r.bot.ID, page.Page{Limit: page.MaxLimit})
	if err != nil {
		r.t.Fatal(err)
	}
	for _, o := range list {
		if o.VenueID != "" {
			there++
		}
	}
	return len(list), there
}

// proves T1 to T5 and T7 for the whole program, as TestKillPoints does for the part of it
// that carries orders out: a server whose bot decides on candles and trades live is killed
// with kill -9 at random moments while the exchange misbehaves; afterwards the
// exchange's books, the journal, and what the bot believes are the same to the last digit.
// It is killed once for fifty kills of -points on each database, and until it has traded about as often.
func TestKillPointsOfServer(t *testing.T) {
	t.Parallel()
	seed := *killSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	dbtest.EachURL(t, func(t *testing.T, url string) {
		r := newLiveRun(t, url)
		rng := rand.New(rand.NewPCG(seed, 5))
		tally := &liveTally{}
		placed := func() int { all, _ := r.placed(); return all }
		traded := func() bool { _, there := r.placed(); return there > 0 && there >= tally.kills/2 }
		for tally.kills < max(1, *points/50) || !traded() {
			tally.faults += r.sim.misbehave(t, rng, 5)
			before := placed()
			server := r.server.start(t)
			wait := 30 * time.Second
			if rng.IntN(4) == 0 { // it may not have come to trading
				wait = time.Duration(rng.IntN(3000)) * time.Millisecond
			}
			for until := time.Now().Add(wait); placed() == before && time.Now().Before(until); {
				time.Sleep(20 * time.Millisecond)
			}
			time.Sleep(time.Duration(rng.IntN(1200)) * time.Millisecond) // the moment of the kill is the test
			kill9(server)
			tally.kills++
		}
		tally.faults += r.sim.calm(t)
		r.stop()
		r.books.compare(t, tally)
		r.same()
		t.Logf("%s; seed %d", tally, seed)
		if !tally.whole() {
			t.Errorf("%q; go test ./saas -run TestKillPointsOfServer -points %d -kill-seed %d", tally.wrong, *points, seed)
		}
		if tally.orders == 0 || *points >= 100 && (tally.orders < tally.kills/2 || tally.faults < tally.kills) {
			t.Errorf("the run shows little: %s", tally)
		}
	})
}
