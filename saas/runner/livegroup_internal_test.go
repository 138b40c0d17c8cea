package runner

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/account"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/lease"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest/parity"
	"github.com/lunobot/lunobot/strategy/engine/remote"
	"github.com/lunobot/lunobot/strategy/risk"
)

// What a bot held before it went back to paper is its tenant's: gone live again it neither
// sells that when a kill switch flattens it before it has begun, nor does its stop make it
// the bot's again.
func TestPositionOfAnAccountBeforeIsLeftAlone(t *testing.T) {
	t.Parallel()
	for _, end := range []bot.Ending{bot.Asked, bot.Halted, bot.Flattened} {
		s, g, m := newShelter(t, 500, exchange.OrderRequest{Side: exchange.Sell, Price: 120, Volume: 10})
		m.assignment.Bot.Ledger, m.end = 5, end // to paper, and live on maybe another account
		before := s.saved
		g.stop(t.Context(), m)
		if !m.over || !strings.HasPrefix(s.last(), "stopped: ") {
			t.Errorf("%q: told %q, over %t", end, s.told, m.over)
		}
		if s.saved.Run != before.Run || s.written(t).Ledger != 3 || len(s.written(t).Remote[0].Wishes) != 1 {
			t.Errorf("%q: the account of before is that of run %d now: %+v", end, s.saved.Run, s.written(t))
		}
	}
	s, g, m := newShelter(t, 500) // without another ledger it is the bot's
	m.end = bot.Flattened
	g.stop(t.Context(), m)
	if w := s.written(t).Remote[0].Wishes; len(w) != 1 || w[0].Request.Side != exchange.Sell || w[0].Request.Volume != 500 {
		t.Errorf("of its own 500 steps it sells %+v", w)
	}
}

// A market that rests at present, so that no bot can be made of it, is still one: a bot that
// trades it goes on with its account after a restart.
func TestAccountIsFitWhileAMarketRests(t *testing.T) {
	t.Parallel()
	s, _, _ := newShelter(t, 500)
	st := s.written(t)
	st.Legs = append(st.Legs, parity.Leg{Pair: "ETHMYR"})
	if why, err := st.unfit(s); why != "" || err != nil {
		t.Errorf("it is unfit: %q, %v", why, err)
	}
}

// An account that is counted otherwise by now is not sold by numbers that mean nothing.
func TestUnfitAccountIsNotFlattened(t *testing.T) {
	t.Parallel()
	s, g, m := newShelter(t, 500)
	s.market.Step, m.end = decimal.New(1, -2), bot.Flattened
	g.stop(t.Context(), m)
	if !m.over || !strings.HasPrefix(s.last(), "error: ") || !strings.Contains(s.last(), "left to you") || len(s.written(t).Remote[0].Wishes) > 0 {
		t.Errorf("told %q", s.told)
	}
}

// hears lets the bot's account hear that its oldest order was filled to some volume.
func hears(t *testing.T, m *member, filled exchange.Steps) {
	t.Helper()
	w, event := m.account.Wishes()[0], m.account.Event()
	news := []remote.News{{Event: event + 1, Number: w.Number, Placed: true}}
	if filled > 0 {
		news = append(news, remote.News{Event: event + 2, Number: w.Number, Fill: &exchange.Fill{Sequence: event, Side: w.Request.Side, Price: 100, Volume: filled, Value: exchange.Units(100 * filled)}})
	}
	news = append(news, remote.News{Event: event + 3, Number: w.Number, End: &remote.End{Filled: filled, Reason: "it is over"}})
	if _, err := m.account.News(news); err != nil {
		t.Fatal(err)
	}
}

// proves RK2: a position above the market's largest order is closed by several, one after
// another, and one that the exchange refuses is not repeated without a pause.
func TestFlattenMoreThanTheLargestOrder(t *testing.T) {
	t.Parallel()
	s, g, m := newShelter(t, 2_300)
	m.end = bot.Flattened
	g.stop(t.Context(), m)
	for _, want := range []exchange.Steps{1_000, 1_000, 300} {
		if w := m.account.Wishes(); len(w) != 1 || w[0].Request.Volume != want || !w[0].Exit {
			t.Fatalf("it sells %+v, want %d", w, want)
		}
		if want == 300 { // refused at first
			hears(t, m, 0)
			if g.ending(t.Context(), m); len(m.account.Wishes()) > 0 || m.over {
				t.Errorf("refused, it sells %+v at once", m.account.Wishes())
			}
			s.now = s.now.Add(sellRetry)
			g.ending(t.Context(), m)
		}
		hears(t, m, want)
		s.now = s.now.Add(sellRetry)
		g.ending(t.Context(), m)
	}
	if !m.over || s.last() != "stopped: stopped by the kill switch, and its position was closed" {
		t.Errorf("told %q", s.told)
	}
}

// proves RK2: a sale that is denied, such as while the market is suspended, ends no run and
// tells nobody that the position was closed: it is tried again with the market as it is then.
func TestFlattenGoesOnWhenTheSaleIsDenied(t *testing.T) {
	t.Parallel()
	s, g, m := newShelter(t, 500)
	s.market.Status, m.end = exchange.MarketDisabled, bot.Flattened
	g.stop(t.Context(), m)
	for range 2 {
		if m.over || !strings.HasPrefix(s.last(), "stopping: stopping: its position is not closed yet") || !strings.Contains(s.last(), "suspended") {
			t.Fatalf("over %t, told %q", m.over, s.told)
		}
		s.now = s.now.Add(deniedRetry)
		g.ending(t.Context(), m)
	}
	s.market.Status = exchange.MarketActive
	if g.ending(t.Context(), m); len(m.account.Wishes()) > 0 {
		t.Errorf("it sells before its time: %+v", m.account.Wishes())
	}
	s.now = s.now.Add(deniedRetry)
	g.ending(t.Context(), m)
	if w := m.account.Wishes(); len(w) != 1 || !w[0].Exit || w[0].Request.Volume != 500 {
		t.Fatalf("it sells %+v, told %q", w, s.told)
	}
	hears(t, m, 500)
	s.now = s.now.Add(sellRetry)
	if g.ending(t.Context(), m); !m.over || s.last() != "stopped: stopped by the kill switch, and its position was closed" {
		t.Errorf("told %q", s.told)
	}
}

// A run that begins winds down only if its tenant wants that of it, and follows what was
// wanted before it began.
func TestRunBeginsWithoutTheWindingDownOfTheOneBefore(t *testing.T) {
	t.Parallel()
	s, _, m := newShelter(t, 500)
	before := s.written(t)
	before.Engine.Watch.CloseOnly, before.Resumes = true, 1
	before.Engine.Watch.Breaker = risk.Breaker{Kind: risk.Drawdown, Since: 7, Reason: "too much was lost"}
	var err error
	if s.saved.State, err = before.encode(); err != nil {
		t.Fatal(err)
	}
	m.wish.resumes = 2
	st, err := m.load(t.Context(), s)
	if err == nil {
		err = m.build(t.Context(), st, s, s, nil, strategy.Subscription{})
	}
	if err != nil {
		t.Fatal(err)
	}
	if now := m.account.State().Engine.Watch; now.CloseOnly || m.closing || m.resumed != 1 || m.tripped != 7 {
		t.Errorf("it begins with %+v; closing %t, resumed %d times, told of %d", now, m.closing, m.resumed, m.tripped)
	}
}

// proves RK2: a kill switch that flattens sells the position of a bot that was asked to
// stop before and is waiting for its orders.
func TestFlattenWhileItStops(t *testing.T) {
	t.Parallel()
	s, g, m := newShelter(t, 500, exchange.OrderRequest{Side: exchange.Sell, Price: 120, Volume: 10})
	g.handle(t.Context(), control{stop: []*member{m}})
	if w := m.account.Wishes(); len(w) != 1 || !w[0].Asked || m.over {
		t.Fatalf("stopping it wishes %+v", w)
	}
	g.handle(t.Context(), control{sell: []*member{m}})
	hears(t, m, 0)
	g.ending(t.Context(), m)
	if w := m.account.Wishes(); len(w) != 1 || !w[0].Exit || w[0].Request.Volume != 500 {
		t.Errorf("it wishes %+v, told %q", w, s.told)
	}
}

// A bot that is to run, and whose orders of the run before are not over after two minutes,
// is not told to have been stopped by its tenant: it goes on asking.
func TestSettlingIsNoStop(t *testing.T) {
	t.Parallel()
	s, g, m := newShelter(t, 500, exchange.OrderRequest{Side: exchange.Sell, Price: 120, Volume: 10})
	m.settling = true
	g.windUp(t.Context(), m)
	s.now = s.now.Add(windMost)
	g.ending(t.Context(), m)
	if m.over || !strings.HasPrefix(s.last(), "degraded: ") || s.saved.Run != 1 {
		t.Errorf("told %q, over %t, the checkpoint is that of run %d", s.told, m.over, s.saved.Run)
	}
}

// proves RK2: a bot that is stopped while its exchange is away is not told to have stopped:
// its orders are asked for until the exchange answers, by the next worker too.
func TestStopLastsUntilTheExchangeAnswers(t *testing.T) {
	t.Parallel()
	s, g, m := newShelter(t, 500, exchange.OrderRequest{Side: exchange.Sell, Price: 120, Volume: 10}, exchange.OrderRequest{Side: exchange.Sell, Price: 130, Volume: 10})
	g.stop(t.Context(), m)
	for range 3 {
		s.now = s.now.Add(windMost)
		g.ending(t.Context(), m)
		if m.over || s.last() != "stopping: stopping: 2 orders not yet confirmed cancelled; the exchange is asked until it answers" {
			t.Fatalf("over %t, told %q", m.over, s.told)
		}
	}
	m.late.Stop()
	next := &member{at: m.at, lease: lease.Lease{Epoch: 2}, assignment: m.assignment}
	g.stop(t.Context(), next)
	for left := 2; left > 0; left-- {
		if w := next.account.Wishes(); len(w) != left || !w[0].Asked || next.over {
			t.Fatalf("the next worker wishes %+v, told %q", w, s.told)
		}
		hears(t, next, 0)
		g.ending(t.Context(), next)
	}
	if !next.over || s.last() != "stopped: stopped by you" {
		t.Errorf("over %t, told %q", next.over, s.told)
	}
}

// claims is a journal in which a bot has orders that it has not settled.
type claims struct {
	journal.LiveStore
	numbers []int64
	// buys is how many of its claimed orders buy, beside numbers.
	buys int64
	err  error
}

func (c *claims) LiveState(context.Context, string, string) (st journal.LiveState, err error) {
	for _, n := range c.numbers {
		o := journal.LiveOrder{}
		o.Number, o.State = n, journal.Open
		st.Orders = append(st.Orders, o)
	}
	for n := range c.buys {
		o := journal.LiveOrder{}
		o.Number, o.Side, o.State = -100-n, exchange.Buy.String(), journal.Open
		st.Orders = append(st.Orders, o)
	}
	return st, c.err
}

// proves RK2: a run does not end before the orders are over that the bot has claimed, which
// its account does not know of, and no position is sold that they may yet change.
func TestAnEndWaitsForClaimedOrders(t *testing.T) {
	t.Parallel()
	for _, end := range []bot.Ending{bot.Asked, bot.WoundDown, bot.Flattened} {
		s, g, m := newShelter(t, 500)
		kept := &claims{numbers: []int64{-1, 7}, err: errors.New("the database is away")}
		g.r.cfg.Trading = &Trading{Journal: kept}
		m.live = &livebot{r: g.r, bot: "bot", lease: m.lease, stop: func() {}, done: make(chan struct{})}
		close(m.live.done)
		m.end = end
		g.stop(t.Context(), m)
		if m.over || s.last() != "" {
			t.Fatalf("%q: while its journal is away it was told %q, over %t", end, s.told, m.over)
		}
		kept.err = nil
		g.ending(t.Context(), m)
		if m.over || !strings.HasPrefix(s.last(), "stopping: stopping: the exchange is asked for 1 order back") || len(m.account.Wishes()) > 0 {
			t.Fatalf("%q: told %q, over %t, it wishes %+v", end, s.told, m.over, m.account.Wishes())
		}
		kept.numbers = nil
		g.ending(t.Context(), m)
		if sells := len(m.account.Wishes()) == 1; sells != (end == bot.Flattened) || m.over == sells {
			t.Errorf("%q: told %q, over %t, it wishes %+v", end, s.told, m.over, m.account.Wishes())
		}
		g.r.done.Wait()
	}
}

// A bot whose account was disconnected does not stop for ever, and its tenant is told where
// to look.
func TestStopWithoutAnAccountEnds(t *testing.T) {
	t.Parallel()
	s, g, m := newShelter(t, 500, exchange.OrderRequest{Side: exchange.Sell, Price: 120, Volume: 10})
	m.live = &livebot{r: g.r, bot: "bot", lease: m.lease, stop: func() {}, done: make(chan struct{})}
	close(m.live.done)
	g.stop(t.Context(), m)
	m.live.gone = true
	g.ending(t.Context(), m)
	if g.r.done.Wait(); !m.over || !strings.Contains(s.last(), "look there") || forever(errs.New(errs.Unavailable, "venue_missing", "x")) || !forever(errs.New(errs.Conflict, "key_destroyed", "x")) {
		t.Errorf("over %t, told %q", m.over, s.told)
	}
}

// A bot whose database is away is not told to have come to rest, however long that lasts.
func TestOutageIsNoEnd(t *testing.T) {
	t.Parallel()
	s, g, m := newShelter(t, 500, exchange.OrderRequest{Side: exchange.Sell, Price: 120, Volume: 10})
	s.outage = errors.New("the database is away")
	g.stop(t.Context(), m)
	s.now = s.now.Add(2 * windMost)
	g.ending(t.Context(), m)
	if m.over || len(s.told) > 0 {
		t.Errorf("told %q, over %t", s.told, m.over)
	}
	s.outage = nil
	if g.windUp(t.Context(), m); m.over || len(m.account.Wishes()) != 1 {
		t.Errorf("told %q, over %t", s.told, m.over)
	}
}

// A bot that waits for its exchange account keeps no others of its group waiting.
func TestWaitingForAnExchangeHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	_, g, m := newShelter(t, 0)
	g.process = struct{ Process }{}
	g.waiting, m.gated = []*member{m}, true
	if g.settled(); g.again != nil || g.retry != 0 {
		t.Errorf("it is tried again in %s", g.retry)
	}
	g.waiting = append(g.waiting, &member{})
	if g.settled(); g.again == nil {
		t.Error("one that could not begin for another reason is not tried again")
	}
}

// opened remembers which accounts were opened.
type opened struct{ list, doubted []string }

func (o *opened) Open(_ context.Context, tenantID, accountID string, _ []exchange.Market) (account.Connection, error) {
	o.list = append(o.list, tenantID+"/"+accountID)
	if tenantID != "t" {
		return nil, errs.New(errs.NotFound, "account_not_found", "there is none")
	}
	return deaf{}, nil
}

func (o *opened) Doubt(_ context.Context, tenantID, accountID string) error {
	o.doubted = append(o.doubted, tenantID+"/"+accountID)
	return nil
}

// deaf is an account of which nothing is told.
type deaf struct{ account.Connection }

func (deaf) For(string) exchange.Trader { return nil }
func (deaf) StreamAccount(ctx context.Context, _ func(exchange.AccountEvent)) error {
	<-ctx.Done()
	return ctx.Err()
}

// proves P12 for connections: a bot of another tenant does not share one, whatever account
// it names.
func TestConnectionsAreOfATenant(t *testing.T) {
	t.Parallel()
	_, g, _ := newShelter(t, 0)
	accounts := &opened{}
	g.r.cfg.Trading = &Trading{Accounts: accounts}
	f := &floor{r: g.r, seats: map[place]*seat{}}
	mine, too, other := &livebot{r: g.r, tenant: "t", account: "acc"}, &livebot{r: g.r, tenant: "t", account: "acc"}, &livebot{r: g.r, tenant: "u", account: "acc"}
	for _, l := range []*livebot{mine, too} {
		if _, err := f.join(t.Context(), l); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.join(t.Context(), other); errs.KindOf(err) != errs.NotFound {
		t.Errorf("another tenant's bot has the connection: %v", err)
	}
	if want := []string{"t/acc", "u/acc"}; !slices.Equal(accounts.list, want) {
		t.Errorf("opened %v, want %v", accounts.list, want)
	}
	f.leave(other)
	f.leave(mine)
	f.leave(too)
	if g.r.done.Wait(); len(f.seats) > 0 {
		t.Errorf("%d connections are left", len(f.seats))
	}
}

// A bot of which an order can never be placed fails with the reason, and does not wait for
// that order for ever.
func TestBotThatCannotOrderFails(t *testing.T) {
	t.Parallel()
	s, g, m := newShelter(t, 500, exchange.OrderRequest{Side: exchange.Sell, Price: 120, Volume: 10})
	m.live = &livebot{r: g.r, tenant: "t", bot: "bot", lease: m.lease, stop: func() {}, done: make(chan struct{})}
	close(m.live.done)
	live := m.live
	g.active, g.r.cfg.Trading = []*member{m}, &Trading{Journal: &claims{numbers: []int64{1}}}
	m.live.broken(t.Context(), errors.New("its number is taken"))
	deliver(t, g)
	if last := s.last(); !m.over || !strings.HasPrefix(last, "guarded: ") || !strings.Contains(last, "its number is taken; its position is not watched; 1 of its orders is being taken back") || !live.forsaken {
		t.Errorf("told %q, over %t", s.told, m.over)
	}
}

// proves T7: an account that begins anew at an exchange, after one on paper or after none,
// hears nothing from before its books; one that goes on hears all that it has not heard.
func TestNewAccountHearsFromItsBooksOn(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]int64{"paper": 7, "none": 7, "live": 2} {
		s, g, m := newShelter(t, 0)
		m.live = &livebot{r: g.r, bot: "bot", lease: m.lease, began: 7}
		st := s.written(t)
		switch st.Remote[0].Event = 2; name {
		case "paper":
			terms, err := m.terms(s)
			if err != nil {
				t.Fatal(err)
			}
			paper, err := parity.NewAccount(terms, parity.AccountConfig{})
			if err != nil {
				t.Fatal(err)
			}
			st.AccountState = paper.State()
		case "none":
			s.saved.State = nil
		}
		if name != "none" {
			raw, err := st.encode()
			if err != nil {
				t.Fatal(err)
			}
			s.saved.State = raw
		}
		last, err := m.load(t.Context(), s)
		if err == nil {
			err = m.build(t.Context(), last, s, s, nil, strategy.Subscription{})
		}
		if err != nil || m.account.Event() != want {
			t.Errorf("after %s it hears what comes after event %d, want %d, %v", name, m.account.Event(), want, err)
		}
	}
}

// The tape of a bot that stops while its exchange is away does not grow with each look.
func TestStopThatLastsIsOnTheTapeOnce(t *testing.T) {
	t.Parallel()
	s, g, m := newShelter(t, 500, exchange.OrderRequest{Side: exchange.Sell, Price: 120, Volume: 10}, exchange.OrderRequest{Side: exchange.Sell, Price: 130, Volume: 10})
	s.tape(t)
	acts := func() int { return len(m.taping.tape.Point().Acts) }
	g.stop(t.Context(), m)
	for range 5 {
		g.ending(t.Context(), m)
	}
	if n := acts(); n != 0 { // what was taken back at first is written
		t.Errorf("after looks without news there are %d acts", n)
	}
	hears(t, m, 0)
	g.ending(t.Context(), m)
	if w := m.account.Wishes(); len(w) != 1 || !w[0].Asked || m.over {
		t.Errorf("it wishes %+v", w)
	}
}

// A bot that goes on after a restart shows its newest decision, and a new run none of before.
func TestLatestDecisionOutlivesARestart(t *testing.T) {
	t.Parallel()
	for run, want := range map[int64]string{1: "it waits", 2: ""} {
		s, _, m := newShelter(t, 500)
		s.saved.Summary.LastDecision, m.assignment.Bot.Run = "it waits", run
		st, err := m.load(t.Context(), s)
		if err == nil {
			err = m.build(t.Context(), st, s, s, nil, strategy.Subscription{})
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := m.summary().LastDecision; got != want {
			t.Errorf("of run %d the newest decision is %q, want %q", run, got, want)
		}
	}
}
