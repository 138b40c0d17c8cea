package saas_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/page"
	"github.com/lunobot/lunobot/saas/replay"
	"github.com/lunobot/lunobot/strategy"
)

// requoter is a strategy that takes all back with each candle and places anew: a bid for what
// it lacks of a position that takes most of its cash, and an offer of all that it has, where
// the crowd trades.
type requoter struct{}

// requoterDefinition is called requoter in bundles.
func requoterDefinition() strategy.Definition {
	return strategy.MustDefine(strategy.Info{Name: "requoter", Version: "1.0.0", Title: "Requoter"}, struct{}{}, func(struct{}) strategy.Strategy { return &requoter{} })
}

// OnCandle implements strategy.CandleHandler.
func (*requoter) OnCandle(b *strategy.Bot, c exchange.Candle) {
	const wanted = 11_000 // steps: 4,400 MYR of 5,000
	b.CancelAll()
	shift := exchange.Ticks(c.Time/60_000%3) * 100 // no two quotes in a row are the same
	least := b.Market().MinVolume
	if lacks := wanted - b.Position(); lacks >= least {
		b.Limit(exchange.Buy, livePrice*999/1000+shift, lacks)
	}
	if held := b.Position(); held >= least {
		b.Limit(exchange.Sell, livePrice*1001/1000-shift, held)
	}
}

// waited counts the orders of which the bot's log says that they waited for others, and those
// that were denied because others still held what they needed.
func (r *liveRun) waited() (waited, denied int) {
	r.t.Helper()
	lines, err := r.store.Decisions(r.t.Context(), r.who.TenantID, r.bot.ID, page.Page{Limit: page.MaxLimit})
	if err != nil {
		r.t.Fatal(err)
	}
	for _, l := range lines {
		if strings.Contains(l.Text, "once the orders are over whose place it takes") {
			waited++
		}
		if strings.Contains(l.Text, "needs more than") {
			denied++
		}
	}
	return waited, denied
}

// proves T1, T3, T7, PL2 for orders that take the place of others: a bot that takes all back
// and places anew with each candle trades at a simulated Luno while its server is killed with
// kill -9. Its orders go out once those before are over, none is denied for what those held,
// none is lost, doubled or larger than wanted, and its tape comes to the same again.
func TestLiveBotReplacesItsOrders(t *testing.T) {
	t.Parallel()
	r := liveRunOn(t, liveServer{Database: dbtest.SQLiteURL(t)}, "requoter", `{}`)
	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	tally := &liveTally{}
	for ; tally.kills < 2; tally.kills++ {
		server := r.server.start(t)
		seen, before := len(r.fills()), 0
		before, _ = r.waited()
		r.until("fills, and orders that waited and others that went out", func() bool {
			waits, _ := r.waited()
			return len(r.fills()) > seen+1 && waits > before+3
		})
		time.Sleep(time.Duration(rng.IntN(600)) * time.Millisecond) // the moment of the kill is the test
		kill9(server)
	}
	rep := r.stop()
	if rep.Status != replay.Done || rep.Report.Difference != nil || rep.Report.Acts == 0 {
		t.Errorf("its replay: %s %+v", rep.Headline(), rep.Report)
	}
	r.taped()
	r.books.compare(t, tally)
	r.same()
	waits, denied := r.waited()
	_, there := r.placed()
	t.Logf("%s; %d orders waited, %d were at the exchange, %s", tally, waits, there, rep.Headline())
	if !tally.whole() || denied > 0 || there < waits/4 {
		t.Errorf("%q; %d orders waited, %d were at the exchange, and %d denied for want of money", tally.wrong, waits, there, denied)
	}
	if base, _, _ := r.believed(); base.GreaterThan(r.books.market.Volume(11_000)) {
		t.Errorf("it holds %s, more than it wanted", base)
	}
}
