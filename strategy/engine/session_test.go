package engine_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/paper"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/engine"
	"github.com/lunobot/lunobot/strategy/risk"
)

func TestOrdersTradeInALaterCandle(t *testing.T) { // proves PL3
	t.Parallel()
	r := newRig(t, terms{fees: exchange.Fees{Taker: perMille}})
	r.candle(flat(1, 100), buy(10))
	if len(r.log.fills) != 0 {
		t.Fatalf("filled within the candle of the decision: %v", r.log.fills)
	}
	r.candle(bar(2, 103, 110, 90, 108))
	if want := []string{"1: buy 10@103"}; !slices.Equal(r.log.fills, want) {
		t.Errorf("fills %v, want %v", r.log.fills, want)
	}
	if got, want := r.session.Equity(), exchange.Units(1_000_000-10*103-2+10*108); got != want {
		t.Errorf("equity %d, want %d", got, want)
	}
}

func TestCandlesComeInOrderAndOnce(t *testing.T) { // proves M1
	t.Parallel()
	r := newRig(t, terms{})
	r.candle(flat(5, 100))
	before := r.session.State()
	for _, at := range []int64{5, 4} {
		if err := r.session.Begin(new(flat(at, 200))); err == nil {
			t.Errorf("candle %d was taken after candle 5", at)
		}
	}
	if after := r.session.State(); after.LastTime != before.LastTime || after.LastPrice != before.LastPrice || after.Sequence != before.Sequence {
		t.Errorf("a refused candle changed the state from %+v to %+v", before, after)
	}
}

func TestEventsAreToldInOrder(t *testing.T) {
	t.Parallel()
	r := newRig(t, terms{})
	r.candle(flat(1, 100), buy(10), limit(exchange.Sell, 100, 99))
	if err := r.session.Begin(new(flat(2, 101))); err != nil {
		t.Fatal(err)
	}
	var told []string
	for ev := r.session.Next(); ev != nil; ev = r.session.Next() {
		text := ev.Kind.String()
		if ev.Kind == strategy.OrderEvent {
			text += " " + ev.Order.State.String()
		}
		told = append(told, text)
	}
	if want := []string{"order denied", "fill", "order filled", "candle"}; !slices.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
}

func TestOnlyWantedEventsAreTold(t *testing.T) {
	t.Parallel()
	r := newRig(t, terms{wants: func(k strategy.EventKind) bool { return k == strategy.FillEvent }})
	if r.session.Start() != nil || r.session.Warm(flat(1, 100)) != nil {
		t.Error("an event that nobody wants was given")
	}
	if err := r.session.Begin(new(flat(1, 100))); err != nil {
		t.Fatal(err)
	}
	if ev := r.session.Next(); ev != nil {
		t.Errorf("told %s", ev.Kind)
	}
}

func TestConfigProblemsTogether(t *testing.T) {
	t.Parallel()
	_, err := engine.New(engine.Config{Balance: -1, Risk: risk.Config{MaxOrders: -1}})
	for _, part := range []string{"Venue", "Interval", "Balance", "tick", "orders"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not name %s", err, part)
		}
	}
}

func TestProtectiveExits(t *testing.T) { // proves RK1, PL4
	t.Parallel()
	for _, c := range []struct {
		name   string
		risk   risk.Config
		second []strategy.Command // given at the close of the candle that bought
		bar    exchange.Candle
		want   []string
	}{
		{"a stop inside the candle", risk.Config{StopLoss: 5_000_000}, nil, bar(3, 100, 101, 90, 99), []string{"sell 10@95"}},
		{"a gap through the stop trades at the open", risk.Config{StopLoss: 5_000_000}, nil, bar(3, 90, 99, 89, 99), []string{"sell 10@90"}},
		{"a target inside the candle", risk.Config{TakeProfit: 5_000_000}, nil, bar(3, 100, 110, 99, 100), []string{"sell 10@105"}},
		{"a gap over the target trades at the open", risk.Config{TakeProfit: 5_000_000}, nil, bar(3, 108, 110, 99, 100), []string{"sell 10@108"}},
		{"of both the stop counts", risk.Config{StopLoss: 5_000_000, TakeProfit: 5_000_000}, nil, bar(3, 100, 110, 90, 100), []string{"sell 10@95"}},
		{"the nearer of the host's and the strategy's", risk.Config{StopLoss: 5_000_000}, []strategy.Command{exits(97, 0)}, bar(3, 100, 101, 90, 99), []string{"sell 10@97"}},
		{"a strategy cannot loosen the host's stop", risk.Config{StopLoss: 5_000_000}, []strategy.Command{exits(50, 0)}, bar(3, 100, 101, 90, 99), []string{"sell 10@95"}},
		{"neither is reached", risk.Config{StopLoss: 5_000_000, TakeProfit: 5_000_000}, nil, bar(3, 100, 104, 96, 100), nil},
		{
			"a resting sale does not come before the stop", risk.Config{StopLoss: 5_000_000}, []strategy.Command{limit(exchange.Sell, 108, 10)},
			bar(3, 100, 110, 90, 100), []string{"sell 10@95"},
		},
		{
			"a sale that the open reaches does", risk.Config{StopLoss: 5_000_000}, []strategy.Command{limit(exchange.Sell, 108, 10)},
			bar(3, 109, 110, 90, 100), []string{"sell 10@109"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, terms{risk: c.risk})
			r.candle(flat(1, 100), buy(10))
			r.candle(flat(2, 100), c.second...)
			r.candle(c.bar)
			got := r.log.fills[1:]
			for i := range got {
				_, got[i], _ = strings.Cut(got[i], ": ")
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("fills %v, want %v", got, c.want)
			}
			if base := r.session.Portfolio().Base; (base == 0) != (c.want != nil) {
				t.Errorf("a position of %d is left", base)
			}
		})
	}
}

func TestTargetDoesNotCountWhereARestingBuyTraded(t *testing.T) { // proves PL4
	t.Parallel()
	r := newRig(t, terms{})
	r.candle(flat(1, 100), limit(exchange.Buy, 95, 10), exits(0, 98))
	r.candle(bar(2, 100, 101, 94, 96))
	if want := []string{"1: buy 10@95"}; !slices.Equal(r.log.fills, want) {
		t.Fatalf("fills %v, want %v: the high was before the fill", r.log.fills, want)
	}
}

func TestExitIsFilledOverSeveralCandlesWhereVolumeIsScarce(t *testing.T) {
	t.Parallel()
	r := newRig(t, terms{maxShare: 400_000, risk: risk.Config{StopLoss: 5_000_000}}) // 4 steps a candle
	r.candle(flat(1, 100), buy(4))
	r.candle(flat(2, 100))
	dry := exchange.Candle{Time: 3 * minute, Open: 90, High: 90, Low: 90, Close: 90}
	r.candle(dry)
	if len(r.log.fills) != 1 {
		t.Fatalf("sold into a candle without volume: %v", r.log.fills)
	}
	r.candle(flat(4, 89))
	if want := []string{"1: buy 4@100", "2: sell 4@89"}; !slices.Equal(r.log.fills, want) {
		t.Errorf("fills %v, want %v", r.log.fills, want)
	}
	if n := len(r.session.View().Orders); n != 0 {
		t.Errorf("%d orders are left open", n)
	}
}

// An exit that a candle fills in part goes on as one order, and so as one trade, which the
// strategy cannot take back, however often its trigger is reached meanwhile.
func TestExitOverSeveralCandlesIsOneOrder(t *testing.T) { // proves PL4, RK1
	t.Parallel()
	r := newRig(t, terms{maxShare: 400_000, risk: risk.Config{StopLoss: 5_000_000}}) // 4 steps a candle
	r.candle(flat(1, 100), buy(10))
	for at := range int64(3) {
		r.candle(flat(2+at, 100)) // 4, 8 and 10 steps are bought
	}
	r.candle(bar(5, 96, 96, 90, 92), strategy.Command{Kind: strategy.CancelAllCommand})
	r.candle(bar(6, 91, 99, 90, 99), strategy.Command{Kind: strategy.CancelCommand, Ref: 2})
	r.candle(bar(7, 98, 98, 90, 90))
	want := []string{"1: buy 4@100", "1: buy 4@100", "1: buy 2@100", "2: sell 4@95", "2: sell 4@91", "2: sell 2@98"}
	if !slices.Equal(r.log.fills, want) {
		t.Errorf("fills %v, want %v", r.log.fills, want)
	}
	if p := r.session.Portfolio(); p.Trades != 1 || p.Base != 0 || len(r.session.View().Orders) != 0 {
		t.Errorf("%d trades, a position of %d and the orders %+v are left", p.Trades, p.Base, r.session.View().Orders)
	}
}

// A rest below the least order can never be sold: it is said once, and the
// strategy's orders stay.
func TestExitOfARestThatCannotBeSold(t *testing.T) { // proves T9, RK1
	t.Parallel()
	r := newRig(t, terms{least: 10, risk: risk.Config{StopLoss: 100 * perMille}})
	r.candle(flat(1, 100), buy(15))
	r.candle(flat(2, 100), sell(10))
	r.candle(flat(3, 100), limit(exchange.Buy, 50, 10))
	next := r.session.View().NextRef
	for i := range int64(5) {
		r.candle(flat(4+i, 80))
	}
	said := 0
	for _, d := range r.log.decisions {
		if d.Kind == engine.Failed {
			said++
		}
	}
	if v := r.session.View(); said != 1 || len(v.Orders) != 1 || v.NextRef != next || v.Base != 5 {
		t.Errorf("said %d times; %d orders, the next is %d of %d, position %d", said, len(v.Orders), v.NextRef, next, v.Base)
	}
}

// A position above the market's largest order is closed by several at once.
func TestExitAboveTheLargestOrder(t *testing.T) { // proves RK1, RK3
	t.Parallel()
	r := newRig(t, terms{most: 10, risk: risk.Config{StopLoss: 100 * perMille}})
	r.candle(flat(1, 100), buy(10), buy(10), buy(5))
	r.candle(flat(2, 100), limit(exchange.Sell, 200, 10))
	r.candle(flat(3, 80))
	if got := r.session.View(); got.Base != 0 || len(got.Orders) != 0 {
		t.Errorf("position %d, %d orders: %v", got.Base, len(got.Orders), r.log.fills)
	}
}

func TestNothingIsAllocatedWhereNothingTrades(t *testing.T) {
	for name, bounds := range map[string]risk.Config{
		"a stop": {StopLoss: perMille},
		"all bounds": {
			StopLoss: perMille, TrailingStop: perMille, MaxHold: time.Hour, CoolDown: time.Hour, MaxDailyLoss: 500 * perMille, MaxDrawdown: 500 * perMille,
		},
	} {
		t.Run(name, func(t *testing.T) { nothingIsAllocated(t, bounds) })
	}
}

func nothingIsAllocated(t *testing.T, bounds risk.Config) {
	t.Helper()
	v, err := paper.NewVenue(paper.VenueConfig{Market: one(), Balance: 1_000_000})
	if err != nil {
		t.Fatal(err)
	}
	s, err := engine.New(engine.Config{Market: one(), Interval: time.Minute, Balance: 1_000_000, Venue: v, Risk: bounds})
	if err != nil {
		t.Fatal(err)
	}
	i, err := watcher().Open(strategy.OpenInput{Market: one(), Interval: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	at := int64(1)
	candle := func() {
		if err := s.Begin(new(flat(at, exchange.Ticks(100+at%7)))); err != nil {
			t.Fatal(err)
		}
		for ev := s.Next(); ev != nil; ev = s.Next() {
			if err := s.Commands(i.Deliver(s.View(), ev)); err != nil {
				t.Fatal(err)
			}
		}
		at++
	}
	if n := testing.AllocsPerRun(1000, candle); n != 0 {
		t.Errorf("%v allocations a candle", n)
	}
}

// watching looks at every candle and does nothing.
type watching struct{ Sum float64 }

func (w *watching) OnCandle(b *strategy.Bot, c exchange.Candle) {
	w.Sum += c.Close.Float()
	b.BuyWith(0)
	b.SellAll()
	b.Note("nothing to do at %v", c.Close)
}

func watcher() strategy.Definition {
	return strategy.MustDefine(strategy.Info{Name: "watching", Version: "1.0.0"}, struct{}{}, func(struct{}) strategy.Strategy { return &watching{} })
}
