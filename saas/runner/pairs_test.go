package runner_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest/parity"
)

// duo is a strategy that trades two pairs in turns, with orders that rest in both and
// protective exits.
type duo struct {
	Params duoParams `json:"-"`
	N      int
	Closes map[string]exchange.Ticks
	// Company are the candles of the further pair that it was told, and Late counts those
	// of its own that came before the other's of the same time.
	Company []exchange.Candle
	Late    int
}

type duoParams struct {
	// Idle does nothing.
	Idle bool `param:"idle" label:"Idle"`
	Warm int  `param:"warm" label:"Warm"`
}

func (d *duo) Warmup() int { return d.Params.Warm }

func (d *duo) TradePairs(exchange.Market, []exchange.Market) error { return nil }

func (d *duo) OnPair(_ *strategy.Bot, pair string, c exchange.Candle) {
	if d.Closes == nil {
		d.Closes = map[string]exchange.Ticks{}
	}
	d.Closes[pair] = c.Close
	d.Company = append(d.Company, c)
}

func (d *duo) OnCandle(b *strategy.Bot, c exchange.Candle) {
	pairs := b.Pairs()
	if n := len(d.Company); len(pairs) > 1 && (n == 0 || d.Company[n-1].Time != c.Time) {
		d.Late++
	}
	if b.Warming() || d.Params.Idle {
		return
	}
	d.N++
	for i, p := range pairs {
		close := c.Close
		if i > 0 {
			close = d.Closes[p.Market().Pair]
		}
		p.Plot("close", close.Float())
		p.CancelAll()
		switch (d.N + 2*i) % 4 {
		case 0:
			p.SellAll()
		case 1:
			p.BuyWith(p.FreeCounter() / 4)
		default:
			if p.Position() > 0 {
				p.SetExits(strategy.Exits{Stop: close - close/2_000, Target: close + close/1_000})
			}
			p.Limit(exchange.Buy, close-close/5_000, 20_000+exchange.Steps(d.N%7))
		}
	}
}

func duos() strategy.Definition {
	return strategy.MustDefine(strategy.Info{Name: "counting", Version: "1.0.0"}, duoParams{}, func(p duoParams) strategy.Strategy {
		return &duo{Params: p}
	})
}

// addDuo makes a bot of two pairs that shall run.
func (w *world) addDuo(interval time.Duration, id, params string) {
	w.process = newProcessOf(w.t, duos())
	w.addEvery(interval, id, params)
	w.change(func() {
		w.bots[len(w.bots)-1].Bot.Also = []string{demo.ETHMYR}
		w.bots[len(w.bots)-1].Config.Also = []string{demo.ETHMYR}
	})
}

// heldIn counts what orders and fills there are of a pair.
func heldIn(pair string, orders []journal.Order, fills []journal.Fill) (n, m int) {
	for _, o := range orders {
		if o.Pair == pair {
			n++
		}
	}
	for _, f := range fills {
		if f.Pair == pair {
			m++
		}
	}
	return n, m
}

// proves PL1, T3, T7: a bot that trades two pairs with one balance and is killed,
// stopped and handed over, within longer candles too, does what it does in one go,
// in both pairs; and PL2: what it saw comes to the same again.
func TestTwoPairsSurviveKills(t *testing.T) {
	t.Parallel()
	for _, length := range []time.Duration{time.Minute, 5 * time.Minute} {
		t.Run(length.String(), func(t *testing.T) {
			t.Parallel()
			const last = 64
			through := newPaced(t)
			through.candlesOnly()
			through.set(2)
			through.addDuo(length, "a", `{"warm":3}`)
			r := through.begin()
			through.run("a", 3, last)
			r.Stop()
			orders, fills := through.done()
			for _, pair := range []string{demo.XBTMYR, demo.ETHMYR} {
				if n, m := heldIn(pair, orders, fills); n < 10 || m < 4 {
					t.Fatalf("in %s it has %d orders and %d fills: the run proves little", pair, n, m)
				}
			}
			for i, f := range fills {
				if f.Sequence != int64(i+1) {
					t.Fatalf("fill %d has the number %d", i+1, f.Sequence)
				}
			}
			exits := 0
			for _, d := range through.lines["a"] {
				if d.Kind == "exit" {
					exits++
				}
			}
			if exits == 0 {
				t.Error("no protective exit acted")
			}
			w := newPaced(t)
			w.candlesOnly()
			w.set(2)
			w.addDuo(length, "a", `{"warm":3}`)
			r = w.begin()
			at := int64(3)
			for _, next := range []struct {
				kill        bool
				until, away int64
			}{{true, 4, 1}, {true, 11, 4}, {false, 23, 0}, {true, 29, 11}, {true, 47, 1}} {
				w.run("a", at, next.until)
				if next.kill {
					w.kill(r)
				} else {
					r.Stop()
				}
				at = next.until + max(1, next.away)
				w.set(at)
				r = w.start()
			}
			w.run("a", at, last)
			r.Stop()
			gotOrders, gotFills := w.done()
			if !reflect.DeepEqual(gotOrders, orders) {
				t.Errorf("orders\n%+v\nwant\n%+v", gotOrders, orders)
			}
			if !reflect.DeepEqual(gotFills, fills) {
				t.Errorf("fills\n%+v\nwant\n%+v", gotFills, fills)
			}
			got, want := w.summary("a"), through.summary("a")
			if !reflect.DeepEqual(got, want) {
				t.Errorf("the account is\n%+v\nwant\n%+v", got, want)
			}
			w.identical("a", true)
			through.identical("a", false)
		})
	}
}

// summary is what pages show of a bot.
func (w *world) summary(id string) journal.Summary {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.latest[id].Checkpoint.Summary
}

// identical fails the test unless all tapes of a bot of two pairs come to the same
// again.
func (w *world) identical(id string, restarted bool) {
	w.t.Helper()
	list, kept := w.tapes(id)
	if len(list) == 0 {
		w.t.Fatal("there is no tape")
	}
	for _, one := range list {
		rep, err := parity.Check(w.t.Context(), parity.Input{
			Baseline: one.base, Points: one.points, Candles: kept, Further: map[string][]exchange.Candle{demo.ETHMYR: w.keptToo}, Open: parity.Local(duos()), Version: "1.0.0",
		})
		if err != nil {
			w.t.Fatal(err)
		}
		if rep.Difference != nil || rep.Candles < 30 || rep.Acts < 20 || (rep.Restarts > 0) != restarted {
			w.t.Errorf("%+v, difference %+v", rep, rep.Difference)
		}
	}
}

// A bot's account of two pairs adds up, to the last digit, and each position is told.
func TestAccountOfTwoPairs(t *testing.T) {
	t.Parallel()
	w := newPaced(t)
	w.set(2)
	w.addDuo(time.Minute, "a", `{}`)
	r := w.begin()
	w.run("a", 3, 30)
	r.Stop()
	s := w.summary("a")
	if len(s.Positions) != 2 || s.Positions[0].Pair != demo.XBTMYR || s.Positions[1].Pair != demo.ETHMYR {
		t.Fatalf("positions %+v", s.Positions)
	}
	worth, realised, fees, open := s.Cash, decimal.Zero, decimal.Zero, int64(0)
	for _, p := range s.Positions {
		worth, realised, fees, open = worth.Add(p.Worth), realised.Add(p.Realised), fees.Add(p.Fees), open+p.OpenOrders
	}
	step := decimal.New(1, -6) // of the own pair's amounts, in which the account is told
	if d := worth.Sub(s.Equity).Abs(); d.GreaterThan(step) {
		t.Errorf("cash %s and positions %+v are not the equity %s", s.Cash, s.Positions, s.Equity)
	}
	if !realised.Equal(s.Realised) || !fees.Equal(s.Fees) || open != s.OpenOrders || !s.Position.Equal(s.Positions[0].Position) {
		t.Errorf("the pairs do not add up to %+v", s)
	}
	_, fills := w.done()
	paid := decimal.Zero
	for _, f := range fills {
		paid = paid.Add(f.FeeCounter)
	}
	if !paid.Equal(s.Fees) || int64(len(fills)) != s.Fills {
		t.Errorf("%d fills paid %s, the account says %d and %s", len(fills), paid, s.Fills, s.Fees)
	}
}

// proves RK1: the largest position that a tenant gives a further pair holds in that pair.
func TestBoundOfAFurtherPair(t *testing.T) {
	t.Parallel()
	w := newPaced(t)
	w.set(2)
	w.addDuo(time.Minute, "a", `{}`)
	bound := decimal.New(5, -2)
	w.change(func() { w.bots[0].Config.Risk.MaxPositions = map[string]decimal.Decimal{demo.ETHMYR: bound} })
	r := w.begin()
	w.run("a", 3, 30)
	r.Stop()
	held, most := decimal.Zero, decimal.Zero
	_, fills := w.done()
	for _, f := range fills {
		switch {
		case f.Pair != demo.ETHMYR:
		case f.Side == "buy":
			held = held.Add(f.Volume)
		default:
			held = held.Sub(f.Volume)
		}
		most = decimal.Max(most, held)
	}
	if !most.IsPositive() || most.GreaterThan(bound) {
		t.Errorf("of the further pair it held %s, and may hold %s", most, bound)
	}
}

// A tenant who changes the pairs gets a new account at the next start, whose numbers
// go on; orders that a run before left in a pair that is gone are taken back.
func TestOtherPairsBeginANewAccount(t *testing.T) {
	t.Parallel()
	w := newPaced(t)
	w.set(2)
	w.addDuo(time.Minute, "a", `{}`)
	r := w.begin()
	w.run("a", 3, 13)
	w.kill(r)
	before := w.summary("a")
	if before.OpenOrders == 0 || before.Positions[0].Position.IsZero() && before.Positions[1].Position.IsZero() {
		t.Fatalf("the run proves little: %+v", before)
	}
	orders, fills := w.done()
	again := func(also []string, from, to int64) {
		t.Helper()
		w.change(func() {
			w.bots[0].Bot.Run++
			w.bots[0].Bot.Also, w.bots[0].Config.Also = also, also
		})
		r := w.start()
		w.await("the start", func() bool { return w.latest["a"].Checkpoint.Run == w.bots[0].Bot.Run })
		w.run("a", from, to)
		r.Stop()
	}
	again(nil, 14, 24)
	if s := w.summary("a"); len(s.Positions) != 0 || s.Fills == 0 || s.Fills >= before.Fills {
		t.Errorf("the account of one pair is %+v", s)
	}
	gotOrders, gotFills := w.done()
	for _, o := range gotOrders[:len(orders)] {
		if !o.State.Final() {
			t.Errorf("order %d of the run before is %s", o.Number, o.State)
		}
	}
	if n, m := heldIn(demo.ETHMYR, gotOrders[len(orders):], gotFills[len(fills):]); n+m != 0 {
		t.Errorf("in the pair that is gone there are %d orders and %d fills", n, m)
	}
	ends := len(gotFills)
	again([]string{demo.ETHMYR}, 25, 40)
	gotOrders, gotFills = w.done()
	if n, m := heldIn(demo.ETHMYR, gotOrders, gotFills[ends:]); n == 0 || m == 0 {
		t.Errorf("in the pair that is back there are %d orders and %d fills", n, m)
	}
	for i, f := range gotFills {
		if f.Sequence != int64(i+1) {
			t.Fatalf("fill %d has the number %d", i+1, f.Sequence)
		}
	}
	for i, o := range gotOrders {
		if o.Number != int64(i+1) {
			t.Fatalf("order %d has the number %d", i+1, o.Number)
		}
	}
}

// proves PL5: a process that dies is replaced, and a bot of two pairs goes on from its
// checkpoint in both.
func TestTwoPairsInAProcessThatDies(t *testing.T) {
	t.Parallel()
	w := newPaced(t)
	w.set(2)
	w.addDuo(time.Minute, "a", `{}`)
	through := newPaced(t)
	through.set(2)
	through.addDuo(time.Minute, "a", `{}`)
	for _, p := range []*paced{w, through} {
		p.candlesOnly() // else an exit acts at a trade or at the candle, whichever is heard first
		r := p.begin()
		p.run("a", 3, 12)
		if p == w {
			second := newProcessOf(t, duos())
			w.change(func() { w.process = second })
			w.add("b", `{"idle":true}`) // which makes the group ask for the process
			w.await("the second bot", func() bool { return w.latest["b"].Checkpoint != nil })
		}
		p.run("a", 13, 30)
		r.Stop()
	}
	got, want := map[int64]journal.Order{}, map[int64]journal.Order{}
	for n, o := range w.orders {
		if o.BotID == "a" {
			got[n] = o
		}
	}
	for n, o := range through.orders {
		want[n] = o
	}
	if !reflect.DeepEqual(got, want) || len(want) < 20 {
		t.Errorf("orders\n%+v\nwant\n%+v", got, want)
	}
}
