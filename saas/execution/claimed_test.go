package execution_test

import (
	"slices"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/execution"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/saasdb"
	"github.com/lunobot/lunobot/strategy/backtest/parity"
	"github.com/lunobot/lunobot/strategy/engine/remote"
	"github.com/lunobot/lunobot/tenancy/tenancydb"
)

// proves T6, T7: what a claimed order trades is in the bot's account as it is in its book,
// to the last digit, fees and what was filled before the claim included, and in the state
// that the bot goes on from; heard twice it changes nothing.
func TestClaimedOrdersAreTheBots(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, []db.MigrationSet{tenancydb.Migrations(), saasdb.Migrations()}, func(t *testing.T, d *db.DB) {
		b := newTrader(t, d, 1)
		b.way.calm, b.way.life.rate = true, 0
		check(t, b.exec)
		buy := b.others(t, b.mine, exchange.Buy, 91, 30)
		sell := b.others(t, b.mine, exchange.Sell, 133, 20)
		check(t, b.exec)
		b.others(t, b.other, exchange.Sell, 91, 7) // before somebody decides
		for _, o := range []exchange.Order{buy, sell} {
			b.world.decide(t, o.ID, journal.Claim)
		}
		check(t, b.exec)
		b.others(t, b.other, exchange.Sell, 91, 11)
		b.others(t, b.other, exchange.Buy, 133, 20)
		check(t, b.exec)
		b.candle(t)
		b.hear(t)
		b.save(t)
		same := func(when string) {
			t.Helper()
			book, p, st := b.exec.Books()[0], b.session.Portfolio(), b.venue.State()
			base, counter := b.world.market.Volume(p.Base).Add(b.world.market.DustAmount(p.Dust)), b.world.market.Amount(p.Counter)
			if !base.Equal(book.Base) || !counter.Equal(book.Counter) || p.Base != st.Base || p.Counter != st.Counter {
				t.Errorf("%s the account has %s and %s, and the book %s and %s; the venue %+v", when, base, counter, book.Base, book.Counter, st)
			}
			if book.Base.Equal(book.GivenBase) || !book.Base.Equal(book.GivenBase.Add(dec("-0.0002"))) {
				t.Errorf("%s the book has %s of %s", when, book.Base, book.GivenBase)
			}
		}
		same("after the claims")
		st := b.venue.State()
		st.Event -= 3
		news, err := b.desk.News(t.Context(), st.Event, b.venue.Knows)
		if err != nil || !slices.ContainsFunc(news, func(n remote.News) bool { return n.Fill != nil && n.Number == 0 }) {
			t.Fatalf("the news are %+v, %v", news, err)
		}
		for _, n := range news {
			b.venue.Hear(n)
		}
		if err := b.session.Hear(); err != nil {
			t.Fatal(err)
		}
		same("heard twice")
		b.save(t)
		before := string(b.written)
		b.live(t) // another process
		b.way.life.rate = 0
		same("in another process")
		if b.save(t); string(b.written) != before {
			t.Errorf("the state was\n%s\nand is\n%s", before, b.written)
		}
		if o := b.journalled(t, -1); o.State == journal.Submitted {
			t.Errorf("the claimed order is %+v", o)
		}
	})
}

// proves T7: what claimed orders traded for the books of before is in no new account that
// begins with new books, as after paper, whose checkpoint has no event of the exchange; what
// they trade later is in both.
func TestClaimedFillsOfOldBooksStayThere(t *testing.T) {
	t.Parallel()
	w := sqlite(t)
	e := w.open(t)
	old, kept := w.others(t, w.mine, exchange.Buy, 91, 30), w.others(t, w.mine, exchange.Buy, 90, 30)
	check(t, e)
	w.decide(t, old.ID, journal.Claim)
	w.decide(t, kept.ID, journal.Claim)
	check(t, e)
	w.others(t, w.other, exchange.Sell, 90, 40) // 30 and 10
	check(t, e)
	if o := e.Began(); o != 0 {
		t.Errorf("books that go on began after event %d", o)
	}
	cfg := w.config(t)
	cfg.Anew = true
	e, err := execution.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	check(t, e)
	w.others(t, w.other, exchange.Sell, 90, 20)
	check(t, e)
	desk, err := execution.NewDesk(execution.DeskConfig{Executor: e, MarketNow: w.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	a, err := parity.NewAccount(parity.Terms{Market: w.market, Interval: time.Minute, Decide: time.Minute, Balance: given}, parity.AccountConfig{OrderPrefix: deskPrefix, Live: true})
	if err != nil {
		t.Fatal(err)
	}
	a.HearAfter(e.Began())
	a.Renew(parity.AccountState{}) // of an account on paper
	news, err := desk.News(t.Context(), a.Event(), a.Knows)
	if err == nil {
		_, err = a.News(news)
	}
	held, book := a.Positions()[0], e.Books()[0]
	if err != nil || !book.Base.Equal(book.GivenBase.Add(dec("0.002"))) || held.Base != 20 || !w.market.Amount(held.Counter).Equal(book.Counter) {
		t.Errorf("the account has %+v, the book %+v, %v", held, book, err)
	}
}
