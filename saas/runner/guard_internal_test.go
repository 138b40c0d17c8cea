package runner

import (
	"errors"
	"strings"
	"testing"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/lease"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest/parity"
)

// deliver lets a group handle its messages.
func deliver(t *testing.T, g *group) {
	t.Helper()
	for g.mail.waits() {
		for _, c := range g.mail.take() {
			g.handle(t.Context(), c)
		}
	}
}

// failed is a bot of newOrphan at work, which fails then.
func failed(t *testing.T, kept *claims) (*shelter, *group, *member, *annals) {
	t.Helper()
	s, g, m, past := newOrphan(t, &absent{})
	g.r.cfg.Trading = &Trading{Journal: kept}
	g.waiting, g.active = nil, []*member{m}
	g.fail(t.Context(), m, errors.New("a bad answer"))
	deliver(t, g)
	if !m.over || len(g.active) > 0 || len(g.guards) != 1 || g.r.members["bot"] != g.guards[0] {
		t.Fatalf("told %q, over %t, %d are guarded", s.told, m.over, len(g.guards))
	}
	return s, g, g.guards[0], past
}

// again is what another worker makes of a bot that a worker left which was killed.
func again(t *testing.T, s *shelter, g *group, of *member) (*group, *member) {
	t.Helper()
	a, last := of.assignment, s.guards[len(s.guards)-1]
	a.Bot.Desired, a.Bot.Status, a.Bot.Failure, a.Bot.Reason = false, bot.Failed, last.Failure, last.Reason
	if last.Broken {
		a.Bot.Ending = bot.Broken
	}
	next := newGroup(g.r, g.key)
	m := newMember(a, g.key, lease.Lease{Epoch: 2})
	m.live = &livebot{r: g.r, tenant: "t", bot: "bot", lease: m.lease, stop: func() {}, done: make(chan struct{})}
	close(m.live.done)
	g.r.members["bot"], g.r.groups[g.key] = m, next
	next.handle(t.Context(), control{join: []*member{m}})
	return next, m
}

// proves RK3: the stop-loss of a live bot that has failed acts on the candles that close
// afterwards, on a worker that takes it up after a crash as well; its tenant is told so, and
// once it holds nothing it is let go.
func TestExitsOfAFailedBotAreWatched(t *testing.T) {
	t.Parallel()
	for _, killed := range []bool{false, true} {
		s, g, m, past := failed(t, &claims{})
		if want := "guarded: a bad answer; it holds 0.05 XBT, and its stop-loss still stands guard, until that is sold or you start or stop the bot"; s.last() != want {
			t.Fatalf("told %q, want %q", s.last(), want)
		}
		if g := s.guards[0]; g.Failure != "a bad answer" || !g.Anew || g.Broken {
			t.Errorf("its guard is %+v", g)
		}
		if killed {
			g, m = again(t, s, g, m)
		}
		past.list = append(past.list, s.minute(0, 91))
		if g.watch(t.Context(), nil); len(m.account.Wishes()) > 0 {
			t.Fatalf("above its stop it wishes %+v", m.account.Wishes())
		}
		past.list = append(past.list, s.minute(1, 80))
		g.watch(t.Context(), nil)
		if w := s.written(t).Remote[0].Wishes; len(w) != 1 || !w[0].Exit || w[0].Request.Volume != 500 || !strings.HasSuffix(s.last(), "its position is being closed") {
			t.Fatalf("told %q, and what is committed wishes %+v", s.last(), w)
		}
		hears(t, m, 0) // the exchange refuses it
		g.awake(t.Context(), []*member{m})
		if want := "a bad answer; its position is not closed yet, which is tried again with each candle: stop-loss at 90 reached; the newest order for that: it is over"; !strings.HasSuffix(s.last(), want) {
			t.Fatalf("told %q, want %q", s.last(), want)
		}
		past.list = append(past.list, s.minute(2, 99)) // above its stop
		if g.watch(t.Context(), nil); len(s.written(t).Remote[0].Wishes) != 1 {
			t.Fatalf("it is not tried again, told %q", s.last())
		}
		if killed { // in the midst of its exit
			g, m = again(t, s, g, m)
		}
		hears(t, m, 500)
		g.awake(t.Context(), []*member{m})
		if g.r.done.Wait(); !m.over || s.last() != "error: a bad answer" || s.written(t).Engine.Portfolio.Base != 0 || len(g.r.members) > 0 {
			t.Errorf("killed %t: sold, it is over: %t, told %q", killed, m.over, s.told)
		}
	}
}

// proves RK3: a live bot that fails keeps no order of its strategy; they are taken back until
// the exchange has said so, and a position that nothing watches is named.
func TestOrdersOfAFailedBotAreTakenBack(t *testing.T) {
	t.Parallel()
	s, g, m := newShelter(t, 500, exchange.OrderRequest{Side: exchange.Sell, Price: 120, Volume: 10})
	g.r.cfg.Trading, g.r.cfg.History, g.r.cfg.Plugins = &Trading{Journal: &claims{}}, &annals{}, &absent{}
	m.assignment.Bot.Run, m.assignment.Bot.Desired = 1, true
	m.live = &livebot{r: g.r, tenant: "t", bot: "bot", lease: m.lease, stop: func() {}, done: make(chan struct{})}
	close(m.live.done)
	g.active = []*member{m}
	g.fail(t.Context(), m, errors.New("a bad answer"))
	deliver(t, g)
	m = g.guards[0]
	if w := s.written(t).Remote[0].Wishes; len(w) != 1 || !w[0].Asked || !strings.Contains(s.last(), "1 of its orders is being taken back") {
		t.Fatalf("told %q, it wishes %+v", s.told, w)
	}
	for range 3 {
		if g.pulse(t.Context()); m.over {
			t.Fatalf("it is given up before the exchange has answered: %q", s.told)
		}
	}
	g, m = again(t, s, g, m)
	hears(t, m, 0)
	g.awake(t.Context(), []*member{m})
	if want := "error: a bad answer; the position of 0.05 XBT stays, and nothing stands guard over it"; !m.over || s.last() != want {
		t.Errorf("over %t, told %q, want %q", m.over, s.last(), want)
	}
	g.r.done.Wait()
}

// proves RK3: a bot whose new run fails before it has begun is watched as the one before left
// it, and what it does is written as that one's.
func TestFailedStartLeavesNoPositionUnwatched(t *testing.T) {
	t.Parallel()
	s, g, m, past := newOrphan(t, &absent{})
	g.r.cfg.Trading = &Trading{Journal: &claims{}}
	m.assignment.Bot.Run = 2
	g.fail(t.Context(), m, errors.New("a bad parameter"))
	deliver(t, g)
	past.list = append(past.list, s.minute(0, 80))
	g.watch(t.Context(), nil)
	if w := s.written(t).Remote[0].Wishes; len(w) != 1 || !w[0].Exit || s.saved.Run != 1 {
		t.Errorf("told %q; run %d wishes %+v", s.told, s.saved.Run, w)
	}
}

// proves RK3: an exit that a run owes when its tenant stops it ends with it: the position is to
// stay, so that a later run that fails before it has begun does not sell it above its stop.
func TestStopLetsGoOfAnExitThatIsOwed(t *testing.T) {
	t.Parallel()
	s, g, m, past := newOrphan(t, &absent{})
	g.open(t.Context()) // in vain: it is watched without its strategy
	past.list = append(past.list, s.minute(0, 90))
	g.watch(t.Context(), nil)
	hears(t, m, 0) // the exchange is suspended
	if g.awake(t.Context(), []*member{m}); s.written(t).Engine.Owed != "stop-loss at 90 reached" {
		t.Fatalf("it owes %q, told %q", s.written(t).Engine.Owed, s.told)
	}
	if g.stop(t.Context(), m); !m.over || s.last() != "stopped: stopped by you" && s.last() != "stopped: stopped by the kill switch" {
		t.Fatalf("it is stopped: %t, told %q", m.over, s.told)
	}
	a := m.assignment
	a.Bot.Run = 2
	next := newMember(a, g.key, lease.Lease{Epoch: 2})
	next.live = &livebot{r: g.r, tenant: "t", bot: "bot", lease: next.lease, stop: func() {}, done: make(chan struct{})}
	close(next.live.done)
	g.r.members["bot"], g.waiting = next, []*member{next}
	g.fail(t.Context(), next, errors.New("a bad parameter"))
	deliver(t, g)
	if len(g.guards) != 1 || !strings.Contains(s.last(), "its stop-loss still stands guard") {
		t.Fatalf("it is not watched, told %q", s.told)
	}
	past.list = append(past.list, s.minute(1, 100))
	g.watch(t.Context(), nil)
	if w := s.written(t).Remote[0].Wishes; len(w) > 0 || g.guards[0].account.Owed() != "" {
		t.Errorf("above its stop it wishes %+v, told %q", w, s.told)
	}
	past.list = append(past.list, s.minute(2, 80))
	g.watch(t.Context(), nil)
	if w := s.written(t).Remote[0].Wishes; len(w) != 1 || !w[0].Exit {
		t.Errorf("below it, it wishes %+v, told %q", w, s.told)
	}
}

// A bot that its tenant stops or starts anew after it has failed is not watched any more; one
// that fails while it stops is not either, but its orders are taken back.
func TestWhoIsNotWatched(t *testing.T) {
	t.Parallel()
	s, g, m, past := failed(t, &claims{})
	g.handle(t.Context(), control{stop: []*member{m}})
	past.list = append(past.list, s.minute(0, 80))
	g.watch(t.Context(), nil)
	if w := s.written(t).Remote[0].Wishes; !m.over || len(w) > 0 || s.last() != "stopped: stopped by you" {
		t.Errorf("stopped, it is told %q and wishes %+v", s.told, w)
	}
	_, g, m, _ = failed(t, &claims{})
	g.handle(t.Context(), control{free: []*member{m}})
	if !m.over || len(g.guards) > 0 {
		t.Error("started anew, it is still watched")
	}
	s, g, m, past = newOrphan(t, &absent{})
	kept := &claims{numbers: []int64{7}}
	g.r.cfg.Trading, m.stopping = &Trading{Journal: kept}, true
	g.fail(t.Context(), m, errors.New("a bad end"))
	deliver(t, g)
	g, m = again(t, s, g, m)
	past.list = append(past.list, s.minute(0, 80))
	g.watch(t.Context(), nil)
	if !s.guards[0].Broken || !m.live.forsaken || m.account != nil || s.last() != "guarded: a bad end; 1 of its orders is being taken back" {
		t.Errorf("told %q", s.told)
	}
	kept.numbers = nil
	if g.watch(t.Context(), nil); !m.over || s.last() != "error: a bad end" {
		t.Errorf("over %t, told %q", m.over, s.told)
	}
	g.r.done.Wait()
}

// proves RK1 and RK3: a failed bot on paper is watched by the same code: its stop-loss trades
// in the candle that reaches it, also in those that nobody was there for.
func TestExitsOfAFailedBotOnPaperAreWatched(t *testing.T) {
	t.Parallel()
	s, g, m, past := newOrphan(t, &absent{})
	m.live, m.assignment.Bot.Mode, m.assignment.Config.Mode = nil, bot.Paper, bot.Paper
	terms, err := termsOf(s.market.Pair, m.assignment.Config, s)
	if err != nil {
		t.Fatal(err)
	}
	a, err := parity.NewAccount(terms, parity.AccountConfig{OrderPrefix: m.prefix()})
	if err != nil {
		t.Fatal(err)
	}
	begins := s.now.UnixMilli()
	if err := a.Seek(exchange.Flat(begins-2*span, 100)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []strategy.Command{
		{Kind: strategy.PlaceCommand, Ref: a.View().NextRef, Side: exchange.Buy, Type: exchange.MarketOrder, Volume: 500},
		{Kind: strategy.PlaceCommand, Ref: a.View().NextRef + 1, Side: exchange.Buy, Type: exchange.LimitOrder, Price: 70, Volume: 10},
	} {
		if err := a.Commands([]strategy.Command{c}); err != nil {
			t.Fatal(err)
		}
	}
	c := exchange.Flat(begins-span, 100)
	c.Volume = 100_000
	if err := a.Begin(c); err != nil {
		t.Fatal(err)
	}
	for ev := a.Next(); ev != nil; ev = a.Next() { //nolint:revive // no strategy hears it
	}
	raw, err := checkpointState{AccountState: a.State(), Ledger: 3, Measures: measures(a.Markets())}.encode()
	if err != nil {
		t.Fatal(err)
	}
	s.saved.State = raw
	if st := s.written(t); st.Engine.Portfolio.Base != 500 || len(st.Engine.Orders) != 1 {
		t.Fatalf("it begins with %d steps and %+v", st.Engine.Portfolio.Base, st.Engine.Orders)
	}
	g.waiting, g.active = nil, []*member{m}
	g.fail(t.Context(), m, errors.New("a bad answer"))
	deliver(t, g)
	if st := s.written(t); len(st.Engine.Orders) > 0 || !strings.Contains(s.last(), "its stop-loss still stands guard") {
		t.Fatalf("told %q, it has %+v", s.told, st.Engine.Orders)
	}
	g, m = again(t, s, g, g.guards[0])
	m.live = nil
	for n, low := range []exchange.Ticks{91, 80, 95} {
		c := s.minute(int64(n), low)
		c.Volume = 100_000
		past.list = append(past.list, c)
	}
	g.watch(t.Context(), nil)
	st := s.written(t)
	if st.Engine.Portfolio.Base != 0 || st.Engine.LastTime != begins+2*span || !m.over || s.last() != "error: a bad answer" {
		t.Errorf("it holds %d after %d, told %q", st.Engine.Portfolio.Base, st.Engine.LastTime, s.told)
	}
	if loss := s.market.Amount(500 * 10); s.saved.Summary.Realised.GreaterThan(loss.Neg()) || s.saved.Summary.Realised.LessThan(loss.Neg().Mul(decimal.New(12, -1))) {
		t.Errorf("it lost %s, and its stop is 10 %% below", s.saved.Summary.Realised)
	}
}
