package runner

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/strategy/engine/remote"
)

// absent are strategies that cannot be started, or must not run if bad says so.
type absent struct {
	Plugins
	bad error
}

func (a *absent) Usable(catalog.Ref) error { return a.bad }

func (a *absent) Process(context.Context, catalog.Ref, string) (Process, error) {
	return nil, errors.New("it does not start")
}

// annals are the candles of a history, which fails if it is to.
type annals struct {
	exchange.MarketData
	list []exchange.Candle
	err  error
}

func (a *annals) Candles(_ context.Context, _ string, _ time.Duration, since time.Time, _ int) (out []exchange.Candle, err error) {
	for _, c := range a.list {
		if c.Time >= since.UnixMilli() {
			out = append(out, c)
		}
	}
	return out, a.err
}

// newOrphan is a shelter whose bot runs, holds 500 steps bought at 100 with a stop-loss of
// a tenth, and has just lost its strategy.
func newOrphan(t *testing.T, p *absent) (*shelter, *group, *member, *annals) {
	t.Helper()
	s, g, m := newShelter(t, 500)
	past := &annals{}
	g.r.cfg.Plugins, g.r.cfg.History, g.r.cfg.Trading, g.r.cfg.Stale = p, past, &Trading{Journal: &claims{}}, time.Hour
	m.assignment.Bot.Run, m.assignment.Bot.Desired, m.assignment.Config.Risk.StopLossPercent = 1, true, decimal.NewFromInt(10)
	m.live = &livebot{r: g.r, tenant: "t", bot: "bot", lease: m.lease, stop: func() {}, done: make(chan struct{})}
	close(m.live.done)
	g.waiting = []*member{m}
	return s, g, m, past
}

// minute is the candle of the n-th minute after the checkpoint, and lets it be over.
func (s *shelter) minute(n int64, low exchange.Ticks) exchange.Candle {
	c := exchange.Flat(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).UnixMilli()+n*span, 100)
	c.Low, c.Volume = low, 1
	s.now = time.UnixMilli(c.Time + span).UTC()
	return c
}

// proves RK3: while the process of a live bot's strategy does not start, or must not run, its
// stop-loss acts on the candles that close meanwhile, of the stream and of the history
// alike, and the tenant is told so.
func TestExitsAreWatchedWhileTheStrategyIsAway(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]*absent{
		"it does not start": {}, "it was revoked": {bad: &catalog.UnusableError{Ref: catalog.Ref{Name: "x"}, Why: catalog.WasRevoked}},
	} {
		for _, streamed := range []bool{true, false} {
			s, g, m, past := newOrphan(t, p)
			g.open(t.Context())
			if last := s.last(); !strings.HasSuffix(last, "its protective exits go on meanwhile") || m.account == nil {
				t.Fatalf("%s: told %q", name, s.told)
			}
			give := func(c exchange.Candle) {
				if streamed {
					past.err = errors.New("the history is away")
					g.watch(t.Context(), &c)
					return
				}
				past.list = append(past.list, c)
				g.pulse(t.Context())
			}
			give(s.minute(0, 91))
			if w := m.account.Wishes(); len(w) > 0 {
				t.Fatalf("%s: above its stop it wishes %+v", name, w)
			}
			give(s.minute(1, 90))
			give(s.minute(2, 80))
			st := s.written(t)
			if w := st.Remote[0].Wishes; len(w) != 1 || !w[0].Exit || w[0].Request.Volume != 500 {
				t.Fatalf("%s, streamed %t: what is committed wishes %+v", name, streamed, w)
			}
			if first := s.now.UnixMilli() - 3*span; st.Engine.LastTime != first-span || st.Engine.Protected.Time < first+span {
				t.Errorf("%s: the strategy is to go on after %d, and %d was judged", name, st.Engine.LastTime, st.Engine.Protected.Time)
			}
			g.again = nil
			g.open(t.Context()) // in vain, as before
			if w := m.account.Wishes(); len(w) != 1 {
				t.Errorf("%s: tried again, it wishes %+v", name, w)
			}
			hears(t, m, 500)
			g.awake(t.Context(), []*member{m})
			if st := s.written(t); len(st.Remote[0].Wishes) > 0 || st.Engine.Portfolio.Base != 0 || len(st.Engine.Queue) == 0 {
				t.Errorf("%s: sold, it holds %d and has %d events to tell", name, st.Engine.Portfolio.Base, len(st.Engine.Queue))
			}
		}
	}
}

// proves RK3: the position of a bot that no worker can run is watched by one that cannot
// run it either, which gives it up again and again for another one that can, and not in the
// midst of an exit.
func TestSomebodyWatchesWhatNobodyCanRun(t *testing.T) {
	t.Parallel()
	lack := &catalog.UnusableError{Ref: catalog.Ref{Name: "x"}, Why: catalog.FileMissing}
	s, g, m, past := newOrphan(t, &absent{bad: lack})
	g.r.passed = map[string]pass{"bot": {ref: refOf(&m.assignment)}} // it was offered to others
	for range 3 {
		if g.open(t.Context()); m.over || m.account == nil {
			t.Fatalf("it is given up at once: %q", s.told)
		}
	}
	past.list = append(past.list, s.minute(0, 80))
	s.now = s.now.Add(2 * passMost)
	if g.open(t.Context()); m.over || len(m.account.Wishes()) != 1 {
		t.Fatalf("in the midst of its exit it is given up, told %q", s.told)
	}
	hears(t, m, 500)
	if g.open(t.Context()); !m.over || g.r.passed["bot"].pause > passFirst {
		t.Errorf("it is over: %t, told %q; for %s nobody watches it", m.over, s.told, g.r.passed["bot"].pause)
	}
}

// proves RK1: a bot whose strategy is away winds down when its tenant wants that, and is asked
// to stop once it holds nothing.
func TestCloseOnlyWhileTheStrategyIsAway(t *testing.T) {
	t.Parallel()
	s, g, m, past := newOrphan(t, &absent{})
	g.open(t.Context())
	if err := m.account.Commands(placing(m.account, exchange.OrderRequest{Side: exchange.Buy, Price: 90, Volume: 10})); err != nil {
		t.Fatal(err)
	}
	g.handle(t.Context(), control{wish: map[*member]wish{m: {closeOnly: true}}})
	if st := s.written(t); !st.Engine.Watch.CloseOnly || len(st.Remote[0].Wishes) != 1 || !st.Remote[0].Wishes[0].Asked || !s.saved.Summary.CloseOnly {
		t.Fatalf("what is committed is %+v and wishes %+v", st.Engine.Watch, st.Remote[0].Wishes)
	}
	hears(t, m, 0)
	past.list = append(past.list, s.minute(0, 80)) // its stop-loss
	g.watch(t.Context(), nil)
	hears(t, m, 500)
	kept := g.r.cfg.Trading.Journal.(*claims)
	for _, kept.buys = range []int64{1, 0} { // an order that it has claimed may yet bring something
		if g.awake(t.Context(), []*member{m}); (s.last() == "unwound") != (kept.buys == 0) {
			t.Errorf("with %d claimed buys it was told %q", kept.buys, s.told)
		}
	}
}

// proves RK1: what a bot holds is written down at each candle while its strategy is away, at
// the price of that, and a drawdown that is reached meanwhile is told once, over restarts.
func TestWatchedBotIsAppraisedAndItsBreakerTold(t *testing.T) {
	t.Parallel()
	s, g, m, past := newOrphan(t, &absent{})
	m.assignment.Config.Risk.StopLossPercent, m.assignment.Config.Risk.MaxDrawdownPercent = decimal.Zero, decimal.New(1, -1)
	g.open(t.Context())
	for n, price := range []exchange.Ticks{100, 98, 50} {
		c := s.minute(int64(n), price)
		c.Close = price
		past.list = append(past.list, c)
		for range 2 { // of which the second finds nothing new
			g.watch(t.Context(), nil)
		}
		worth := decimal.NewFromInt(1_000).Add(s.market.Amount(exchange.Units(500 * price)))
		if sum := s.saved.Summary; len(s.curve) != n+1 || !s.curve[n].Time.Equal(s.now) || !s.curve[n].Equity.Equal(worth) || !sum.Equity.Equal(worth) || !sum.Price.Equal(s.market.Price(price)) {
			t.Fatalf("at %d it is worth %s, %+v; its curve is %+v", price, worth, sum, s.curve)
		}
	}
	m.account = nil // as on another worker
	g.watch(t.Context(), nil)
	told := 0
	for _, text := range s.told {
		if text == "tripped: drawdown" {
			told++
		}
	}
	if b := s.saved.Summary.Breaker; told != 1 || b == nil || s.written(t).Tripped == nil || *s.written(t).Tripped != b.Since.UnixMilli() {
		t.Errorf("told %q, in force is %+v", s.told, b)
	}
}

// proves PL2: what a bot hears while its strategy is away is on its tape, also after an attempt
// to open it for which its exchange was not ready yet.
func TestAnAttemptToOpenLeavesTheTapeOfAWatchedBot(t *testing.T) {
	t.Parallel()
	s, g, m, _ := newOrphan(t, &absent{})
	s.tape(t)
	if !g.sentinel(t.Context(), m) || m.taping == nil {
		t.Fatal("it is not watched with its tape")
	}
	if ready, _, _ := g.prepare(t.Context()); len(ready) > 0 || m.account == nil {
		t.Fatalf("%d bots are ready, want that one watched", len(ready))
	}
	m.hears([]remote.News{{Event: 1}})
	if tape := m.state().Tape; tape == nil || tape.Terms != "some" || tape.Points != 1 {
		t.Errorf("its checkpoint has the tape %+v, want one of a point", tape)
	}
}
