package engine_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/paper"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/engine"
	"github.com/lunobot/lunobot/strategy/portfolio"
	"github.com/lunobot/lunobot/strategy/risk"
)

// kept is a fill with the pair that it was in.
type kept struct {
	fills []exchange.Fill
	notes []engine.Decision
	lines []string
}

var _ engine.Narrator = (*kept)(nil)

func (k *kept) Fill(f exchange.Fill, ref uint64, r portfolio.Result) {
	k.fills = append(k.fills, f)
	k.lines = append(k.lines, fmt.Sprintf("fill %d %+v %+v", ref, f, r))
}

func (k *kept) Order(o engine.OrderRecord) { k.lines = append(k.lines, fmt.Sprintf("order %+v", o)) }
func (k *kept) Decision(d engine.Decision) { k.notes = append(k.notes, d) }
func (k *kept) Plot(now int64, pair, n string, v float64) {
	k.lines = append(k.lines, fmt.Sprint(now, pair, n, v))
}

func (k *kept) said(text string) bool {
	return slices.ContainsFunc(k.notes, func(d engine.Decision) bool { return strings.Contains(d.Text, text) })
}

// gridded is a market paid in BBB whose tick and step are given.
func gridded(pair, tick, step string) exchange.Market {
	return exchange.Market{
		Pair: pair, Base: pair[:3], Counter: "BBB", Tick: decimal.RequireFromString(tick), Step: decimal.RequireFromString(step), Status: exchange.MarketActive,
	}
}

// three are markets whose units differ: 1, 0.05 and 0.3, so that the shared one is 0.05.
func three() []exchange.Market {
	return []exchange.Market{gridded("AAABBB", "1", "1"), gridded("CCCBBB", "0.5", "0.1"), gridded("DDDBBB", "3", "0.1")}
}

// per is of how many shared units a unit of each of the three is made.
func per() []int64 { return []int64{20, 1, 6} }

// stall is a basket on paper with what it recorded.
type stall struct {
	*engine.Basket
	markets []exchange.Market
	venues  []*paper.Venue
	log     *kept
}

func newStall(tb rapid.TB, markets []exchange.Market, balance exchange.Units, fees exchange.Fees, costs paper.Costs, bounds risk.Config, decide time.Duration) *stall {
	tb.Helper()
	s := &stall{markets: markets, log: &kept{}}
	cfg := engine.BasketConfig{Config: engine.Config{
		Market: markets[0], Interval: time.Minute, Decide: decide, Balance: balance, Risk: bounds, Recorder: s.log, OrderPrefix: "t-",
	}}
	for i, m := range markets {
		cash, prefix := exchange.Units(0), fmt.Sprintf("P%d-", i)
		if i == 0 {
			cash, prefix = balance, ""
		}
		v, err := paper.NewVenue(paper.VenueConfig{Market: m, Balance: cash, Fees: fees, Costs: costs, OrderPrefix: prefix})
		if err != nil {
			tb.Fatal(err)
		}
		s.venues = append(s.venues, v)
		if i == 0 {
			cfg.Venue = v
		} else {
			cfg.Legs = append(cfg.Legs, engine.Leg{Market: m, Risk: bounds, Venue: v})
		}
	}
	var err error
	if s.Basket, err = engine.NewBasket(cfg); err != nil {
		tb.Fatal(err)
	}
	return s
}

// step runs candles of one time; answer gives the commands to each event.
func (s *stall) step(tb rapid.TB, answer func(ev *strategy.Event, v *strategy.View) []strategy.Command, candles ...engine.PairCandle) (told []string) {
	tb.Helper()
	if err := s.Begin(candles); err != nil {
		tb.Fatal(err)
	}
	for ev := s.Next(); ev != nil; ev = s.Next() {
		text := ev.Kind.String() + ev.Pair + ev.Fill.Pair + ev.Order.Pair
		told = append(told, text)
		if answer == nil {
			continue
		}
		if err := s.Commands(answer(ev, s.View())); err != nil {
			tb.Fatal(err)
		}
	}
	return told
}

func closed(pair string, c exchange.Candle) engine.PairCandle {
	return engine.PairCandle{Pair: pair, Candle: c}
}

// in is a command for a further pair.
func in(pair string, c strategy.Command) strategy.Command {
	c.Pair = pair
	return c
}

// numbered gives orders the numbers that come next.
func numbered(v *strategy.View, cs ...strategy.Command) []strategy.Command {
	next := v.NextRef
	for i := range cs {
		if cs[i].Kind == strategy.PlaceCommand {
			cs[i].Ref = next
			next++
		}
	}
	return cs
}

// once answers the first event of a kind and pair.
func once(what string, cs ...strategy.Command) func(ev *strategy.Event, v *strategy.View) []strategy.Command {
	done := false
	return func(ev *strategy.Event, v *strategy.View) []strategy.Command {
		if done || ev.Kind.String()+ev.Pair+ev.Fill.Pair+ev.Order.Pair != what {
			return nil
		}
		done = true
		return numbered(v, cs...)
	}
}

// proves T8: nothing is spent twice, over all pairs.
func TestCashIsReservedOverAllPairs(t *testing.T) {
	t.Parallel()
	s := newStall(t, three(), 1_000, exchange.Fees{}, paper.Costs{}, risk.Config{}, 0)
	all := func(at int64) []engine.PairCandle {
		return []engine.PairCandle{closed("AAABBB", flat(at, 100)), closed("CCCBBB", flat(at, 100)), closed("DDDBBB", flat(at, 100))}
	}
	// 600 of 1,000 for AAA, then 12,000 units of 0.05 are 600 again.
	told := s.step(t, once("candle", limit(exchange.Buy, 60, 10), in("CCCBBB", limit(exchange.Buy, 60, 200))), all(1)...)
	if want := []string{"pairCCCBBB", "pairDDDBBB", "candle"}; !slices.Equal(told, want) {
		t.Errorf("it is told %v, want %v", told, want)
	}
	if !s.log.said("buy rejected: buying for 600 BBB needs more than the 400 that are free") {
		t.Errorf("it says %+v", s.log.notes)
	}
	v := s.View()
	if v.Counter-v.ReservedCounter != 400 || v.Others[0].Counter-v.Others[0].ReservedCounter != 8_000 || v.Others[1].Counter-v.Others[1].ReservedCounter != 1_333 {
		t.Errorf("free are %d, %d and %d", v.Counter-v.ReservedCounter, v.Others[0].Counter-v.Others[0].ReservedCounter, v.Others[1].Counter-v.Others[1].ReservedCounter)
	}
	// What is cancelled in one pair is free for the other at once.
	s.step(t, once("candle", strategy.Command{Kind: strategy.CancelCommand, Ref: 1}, in("CCCBBB", limit(exchange.Buy, 60, 200))), all(2)...)
	if v := s.View(); v.Counter-v.ReservedCounter != 400 || len(v.Orders) != 0 || len(v.Others[0].Orders) != 1 {
		t.Errorf("afterwards it sees %+v", v)
	}
}

// proves PL3: all orders meet their candles before anything is told, and exits that
// answer another pair's fill do not look back.
func TestNoPairLooksIntoAnother(t *testing.T) {
	t.Parallel()
	s := newStall(t, three()[:2], 1_000, exchange.Fees{}, paper.Costs{}, risk.Config{}, 0)
	s.step(t, once("candle", buy(2), in("CCCBBB", limit(exchange.Buy, 90, 10))), closed("AAABBB", flat(1, 100)), closed("CCCBBB", flat(1, 100)))
	// CCC's order fills as its price falls to 80; what is sold of AAA in answer, and
	// the stop that is set there, do not meet the candle of the same time.
	answer := once("fillCCCBBB", sell(1), exits(95, 0))
	told := s.step(t, answer, closed("AAABBB", bar(2, 100, 100, 50, 100)), closed("CCCBBB", bar(2, 100, 100, 80, 80)))
	if want := []string{"fillCCCBBB", "orderCCCBBB", "fill", "order", "pairCCCBBB", "candle"}; !slices.Equal(told, want) {
		t.Errorf("it is told %v, want %v", told, want)
	}
	if got, want := len(s.log.fills), 2; got != want {
		t.Fatalf("there are %d fills, want %d: %+v", got, want, s.log.fills)
	}
	if got := s.View().Exits.Stop; got != 95 {
		t.Errorf("the stop is %d afterwards, want 95", got)
	}
	// The next candle meets both: the sale at its open, the stop for the rest.
	s.step(t, nil, closed("AAABBB", bar(3, 99, 99, 90, 92)), closed("CCCBBB", flat(3, 80)))
	got := s.log.fills[2:]
	if len(got) != 2 || got[0].Price != 99 || got[0].Volume != 1 || got[1].Price != 95 || got[1].Volume != 1 {
		t.Errorf("the fills are %+v", got)
	}
}

// proves PL3: a candle that comes late meets no order that was given after it opened.
func TestALateCandleMeetsNoNewerOrder(t *testing.T) {
	t.Parallel()
	s := newStall(t, three()[:2], 1_000, exchange.Fees{}, paper.Costs{}, risk.Config{}, 0)
	s.step(t, nil, closed("AAABBB", flat(1, 100)), closed("CCCBBB", flat(1, 100)))
	s.step(t, once("candle", in("CCCBBB", buy(10))), closed("AAABBB", flat(2, 100)))
	if told := s.step(t, nil, closed("CCCBBB", flat(2, 50))); !slices.Equal(told, []string{"pairCCCBBB"}) {
		t.Errorf("it is told %v", told)
	}
	if len(s.log.fills) != 0 {
		t.Fatalf("it traded in the past: %+v", s.log.fills)
	}
	s.step(t, nil, closed("AAABBB", flat(3, 100)), closed("CCCBBB", flat(3, 70)))
	if len(s.log.fills) != 1 || s.log.fills[0].Price != 70 {
		t.Errorf("the fills are %+v", s.log.fills)
	}
}

// proves RK1, RK4: bounds hold in each pair, the number of orders over all of them,
// and what names no pair of the bot's is denied.
func TestBoundsOfABasket(t *testing.T) {
	t.Parallel()
	s := newStall(t, three()[:2], 1_000, exchange.Fees{}, paper.Costs{}, risk.Config{MaxOrders: 2, MaxPosition: 5, StopLoss: 100 * perMille}, 0)
	s.step(t, once("candle", in("CCCBBB", limit(exchange.Buy, 1, 5))), closed("AAABBB", flat(1, 100)))
	if !s.log.said("no candle of CCCBBB has come yet") {
		t.Errorf("before the first candle it says %+v", s.log.notes)
	}
	both := []engine.PairCandle{closed("AAABBB", flat(2, 100)), closed("CCCBBB", flat(2, 100))}
	s.step(t, once("candle", limit(exchange.Buy, 2, 1), in("CCCBBB", limit(exchange.Buy, 2, 1)), in("CCCBBB", limit(exchange.Buy, 3, 1)),
		in("EEEBBB", buy(1)), strategy.Command{Kind: strategy.CancelAllCommand}, in("CCCBBB", buy(9))), both...)
	if !s.log.said("2 orders are open, which is the most") || !s.log.said(`in "EEEBBB": the bot does not trade it`) {
		t.Errorf("it says %+v", s.log.notes)
	}
	s.step(t, nil, closed("AAABBB", flat(3, 100)), closed("CCCBBB", bar(3, 100, 100, 89, 95)))
	want := []string{"buy 4@100", "sell 4@90"} // one more waits in an order
	var got []string
	for _, f := range s.log.fills {
		got = append(got, fmt.Sprintf("%s %d@%d", f.Side, f.Volume, f.Price))
	}
	if !slices.Equal(got, want) {
		t.Errorf("the fills are %v, want %v", got, want)
	}
}

func TestBadStepsAreRefused(t *testing.T) {
	t.Parallel()
	s := newStall(t, three()[:2], 1_000, exchange.Fees{}, paper.Costs{}, risk.Config{}, 0)
	s.step(t, nil, closed("AAABBB", flat(5, 100)), closed("CCCBBB", flat(5, 100)))
	before, err := json.Marshal(s.State())
	if err != nil {
		t.Fatal(err)
	}
	for want, step := range map[string][]engine.PairCandle{
		"needs a candle":        nil,
		`"XXXBBB" is none`:      {closed("XXXBBB", flat(6, 1))},
		"two candles of CCCBBB": {closed("CCCBBB", flat(6, 1)), closed("CCCBBB", flat(6, 1))},
		"of different times":    {closed("CCCBBB", flat(6, 1)), closed("AAABBB", flat(7, 1))},
		"comes after the one":   {closed("CCCBBB", flat(5, 1))},
	} {
		if err := s.Begin(step); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("it says %v, want %q", err, want)
		}
	}
	if after, err := json.Marshal(s.State()); err != nil || string(after) != string(before) {
		t.Errorf("a refused step changed the state to %s from %s", after, before)
	}
}

func TestBadBasketsAreRefused(t *testing.T) {
	t.Parallel()
	venue := func(m exchange.Market, balance exchange.Units) *paper.Venue {
		v, err := paper.NewVenue(paper.VenueConfig{Market: m, Balance: balance})
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	m := three()
	foreign := m[2]
	foreign.Counter = "EEE"
	for want, legs := range map[string][]engine.Leg{
		"the bot's own pair":      {{Market: m[0], Venue: venue(m[0], 0)}},
		"is asked for twice":      {{Market: m[1], Venue: venue(m[1], 0)}, {Market: m[1], Venue: venue(m[1], 0)}},
		"one balance needs one":   {{Market: foreign, Venue: venue(foreign, 0)}},
		"whose cash can be lent":  {{Market: m[1]}},
		"holds 5 units, want 0":   {{Market: m[1], Venue: venue(m[1], 5)}},
		"is traded and looked at": {{Market: m[2], Venue: venue(m[2], 0)}},
	} {
		_, err := engine.NewBasket(engine.BasketConfig{Legs: legs, Config: engine.Config{
			Market: m[0], Interval: time.Minute, Balance: 1_000, Venue: venue(m[0], 1_000), Subscription: strategy.Subscription{Pairs: []string{"DDDBBB"}},
		}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("it says %v, want %q", err, want)
		}
	}
}

// trader draws a strategy that does all kinds of things, good and bad ones.
type trader struct {
	t     *rapid.T
	pairs []string
}

func (r trader) answer(_ *strategy.Event, v *strategy.View) []strategy.Command {
	var out []strategy.Command
	for range rapid.IntRange(0, 3).Draw(r.t, "commands") {
		n := rapid.IntRange(0, len(r.pairs)-1).Draw(r.t, "pair")
		at := v
		if n > 0 {
			at = &v.Others[n-1]
		}
		side := rapid.SampledFrom([]exchange.Side{exchange.Buy, exchange.Sell}).Draw(r.t, "side")
		price := exchange.Ticks(rapid.Int64Range(1, 250).Draw(r.t, "price"))
		volume := exchange.Steps(rapid.Int64Range(0, 60).Draw(r.t, "volume"))
		var c strategy.Command
		switch rapid.IntRange(0, 7).Draw(r.t, "kind") {
		case 0, 1:
			c = limit(side, price, volume)
			c.PostOnly = rapid.Bool().Draw(r.t, "post-only")
		case 2:
			c = buy(volume)
		case 3:
			c = buy(0)
			c.Value = exchange.Units(rapid.Int64Range(0, int64(max(1, 2*(at.Counter-at.ReservedCounter)))).Draw(r.t, "value"))
		case 4:
			c = sell(min(volume, max(0, at.Base-at.ReservedBase)))
		case 5:
			c = exits(price, exchange.Ticks(rapid.Int64Range(0, 400).Draw(r.t, "target")))
		case 6:
			c = strategy.Command{Kind: strategy.CancelAllCommand}
		default:
			c = strategy.Command{Kind: strategy.CancelCommand, Ref: uint64(rapid.IntRange(1, int(v.NextRef)).Draw(r.t, "ref"))}
		}
		if c.Pair = r.pairs[n]; n == 0 {
			c.Pair = ""
		}
		out = append(out, c)
	}
	return numbered(v, out...)
}

func candle(t *rapid.T, at int64) exchange.Candle {
	price := func(label string) exchange.Ticks { return exchange.Ticks(rapid.Int64Range(1, 200).Draw(t, label)) }
	open, closing, a, b := price("open"), price("close"), price("a"), price("b")
	c := bar(at, open, max(open, closing, a, b), min(open, closing, a, b), closing)
	c.Volume = exchange.Steps(rapid.Int64Range(0, 300).Draw(t, "traded"))
	return c
}

func drawnTerms(t *rapid.T) (exchange.Fees, paper.Costs, risk.Config) {
	return exchange.Fees{Maker: 3 * perMille, Taker: 7 * perMille},
		paper.Costs{MaxShare: rapid.SampledFrom([]exchange.Rate{0, 100 * perMille}).Draw(t, "share"), Spread: rapid.SampledFrom([]exchange.Rate{0, 10 * perMille}).Draw(t, "spread")},
		risk.Config{
			StopLoss:    rapid.SampledFrom([]exchange.Rate{0, 50 * perMille}).Draw(t, "stop-loss"),
			TakeProfit:  rapid.SampledFrom([]exchange.Rate{0, 50 * perMille}).Draw(t, "take-profit"),
			MaxPosition: rapid.SampledFrom([]exchange.Steps{0, 40}).Draw(t, "most"),

			TrailingStop:     rapid.SampledFrom([]exchange.Rate{0, 60 * perMille}).Draw(t, "trailing stop"),
			MaxHold:          rapid.SampledFrom([]time.Duration{0, 2 * time.Minute}).Draw(t, "longest holding"),
			CoolDown:         rapid.SampledFrom([]time.Duration{0, 0, 3 * time.Minute}).Draw(t, "cool-down"),
			MaxDailyLoss:     rapid.SampledFrom([]exchange.Rate{0, 20 * perMille}).Draw(t, "daily loss"),
			MaxDrawdown:      rapid.SampledFrom([]exchange.Rate{0, 40 * perMille}).Draw(t, "drawdown"),
			MaxOrdersAMinute: rapid.SampledFrom([]int{0, 2}).Draw(t, "orders a minute"),
		}
}

// interfere does what an operator may do between two candles.
func interfere(t *rapid.T, bots ...interface {
	ResumeBreaker()
	SetCloseOnly(on bool)
},
) {
	what := rapid.IntRange(0, 9).Draw(t, "operator")
	for _, b := range bots {
		switch what {
		case 7:
			b.ResumeBreaker()
		case 8:
			b.SetCloseOnly(true)
		case 9:
			b.SetCloseOnly(false)
		}
	}
}

// proves T8, RK1: whatever is traded in three pairs of different units and under whatever
// bounds, each part of the money is somewhere, once, and nothing falls below 0. Nothing
// is bought while a breaker is in force or the bot winds down.
func TestABasketConservesMoney(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		fees, costs, bounds := drawnTerms(t)
		const balance = 3_000
		s := newStall(t, three(), balance, fees, costs, bounds, rapid.SampledFrom([]time.Duration{0, 2 * time.Minute}).Draw(t, "decide"))
		who := trader{t: t, pairs: []string{"AAABBB", "CCCBBB", "DDDBBB"}}
		for at := int64(dayMinute - 6); at < dayMinute+6; at++ {
			interfere(t, s)
			barred, fills := s.Breaker().Kind != "" || s.State().Legs[0].State.Watch.CloseOnly, len(s.log.fills)
			var step []engine.PairCandle
			for _, m := range s.markets {
				if rapid.IntRange(0, 5).Draw(t, "there") > 0 {
					step = append(step, closed(m.Pair, candle(t, at)))
				}
			}
			if len(step) == 0 {
				continue
			}
			s.step(t, who.answer, step...)
			s.check(t, balance)
			if barred && slices.ContainsFunc(s.log.fills[fills:], func(f exchange.Fill) bool { return f.Side == exchange.Buy }) {
				t.Fatalf("it buys while %+v is in force: %+v", s.Breaker(), s.log.fills[fills:])
			}
		}
	})
}

// check adds the account up from its fills.
func (s *stall) check(t *rapid.T, balance exchange.Units) {
	t.Helper()
	st := s.State()
	cash, want := st.Pool, int64(balance)*per()[0]
	held := map[string]exchange.Steps{}
	for _, f := range s.log.fills {
		n := slices.IndexFunc(s.markets, func(m exchange.Market) bool { return m.Pair == f.Pair })
		if f.Side == exchange.Buy {
			want -= int64(f.Value+f.FeeCounter) * per()[n]
			held[f.Pair] += f.Volume
		} else {
			want += int64(f.Value-f.FeeCounter) * per()[n]
			held[f.Pair] -= f.Volume
		}
	}
	if st.Pool < 0 {
		t.Fatalf("the free cash is %d", st.Pool)
	}
	worth, priced := int64(0), true
	for i, l := range st.Legs {
		p, venue := l.State.Portfolio, s.venues[i].State()
		reserved, base := s.venues[i].Reserved()
		if p.Counter != venue.Counter || p.Base != venue.Base || p.Counter != reserved {
			t.Fatalf("%s: the account has %d and %d, its venue %d and %d, of which %d are reserved", l.Pair, p.Counter, p.Base, venue.Counter, venue.Base, reserved)
		}
		if p.Base != held[l.Pair] || p.Base < base || p.Base < 0 || p.Counter < 0 {
			t.Fatalf("%s: %d are held and %d reserved, the fills say %d", l.Pair, p.Base, base, held[l.Pair])
		}
		cash += int64(p.Counter) * per()[i]
		worth += int64(l.State.LastPrice) * int64(p.Base) * per()[i]
		priced = priced && (p.Base == 0 || l.State.LastPrice > 0)
	}
	if cash != want {
		t.Fatalf("there are %d of cash, the fills leave %d", cash, want)
	}
	v := s.View()
	if got := int64(v.Counter); got != cash/per()[0] || v.ReservedCounter < 0 {
		t.Fatalf("of %d it sees %d, reserved %d", cash/per()[0], v.Counter, v.ReservedCounter)
	}
	valued := st.Legs[0].State.LastTime >= max(st.Legs[1].State.LastTime, st.Legs[2].State.LastTime)
	if got := int64(s.Equity()); valued && priced && got != (cash+worth)/per()[0] {
		t.Fatalf("it is worth %d, want %d", got, (cash+worth)/per()[0])
	}
}

// proves PL1: a basket of one pair does what a session does.
func TestABasketOfOnePairIsASession(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		fees, costs, bounds := drawnTerms(t)
		decide := rapid.SampledFrom([]time.Duration{0, 3 * time.Minute}).Draw(t, "decide")
		s := newStall(t, three()[:1], 3_000, fees, costs, bounds, decide)
		venue, err := paper.NewVenue(paper.VenueConfig{Market: three()[0], Balance: 3_000, Fees: fees, Costs: costs})
		if err != nil {
			t.Fatal(err)
		}
		log := &kept{}
		single, err := engine.New(engine.Config{
			Market: three()[0], Interval: time.Minute, Decide: decide, Balance: 3_000, Venue: venue, Risk: bounds, Recorder: log, OrderPrefix: "t-",
		})
		if err != nil {
			t.Fatal(err)
		}
		who := trader{t: t, pairs: []string{"AAABBB"}}
		for at := int64(dayMinute - 6); at < dayMinute+6; at++ {
			interfere(t, s, single)
			c := candle(t, at)
			if rapid.IntRange(0, 9).Draw(t, "signal") == 0 {
				signal := strategy.Signal{ID: fmt.Sprint(at), Text: "now"}
				if a, b := s.Signal(signal), single.Signal(signal); a != nil || b != nil {
					t.Fatal(a, b)
				}
			}
			if err := single.Begin(&c); err != nil {
				t.Fatal(err)
			}
			s.step(t, func(ev *strategy.Event, v *strategy.View) []strategy.Command {
				other := single.Next()
				if other == nil || !ev.Equal(other) {
					t.Fatalf("the basket tells %+v, the session %+v", ev, other)
				}
				if a, b := fmt.Sprintf("%+v", *v), fmt.Sprintf("%+v", *single.View()); a != b {
					t.Fatalf("the basket shows %s, the session %s", a, b)
				}
				cs := who.answer(ev, v)
				if err := single.Commands(slices.Clone(cs)); err != nil {
					t.Fatal(err)
				}
				return cs
			}, closed("AAABBB", c))
			if ev := single.Next(); ev != nil {
				t.Fatalf("the session tells %+v more", ev)
			}
			account, _ := s.Account("AAABBB")
			if account != single.Portfolio() || s.Equity() != single.Equity() || s.MaxDrawdown() != single.State().MaxDrawdown {
				t.Fatalf("the basket has %+v, the session %+v", account, single.Portfolio())
			}
		}
		if !slices.Equal(s.log.lines, log.lines) || !slices.Equal(s.log.notes, log.notes) {
			t.Fatalf("the basket recorded\n%s\n%+v\nthe session\n%s\n%+v", strings.Join(s.log.lines, "\n"), s.log.notes, strings.Join(log.lines, "\n"), log.notes)
		}
	})
}

// proves PL1: restored after any step, the rest is the same.
func TestABasketRestored(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		fees, costs, bounds := drawnTerms(t)
		open := func() *stall { return newStall(t, three(), 3_000, fees, costs, bounds, 2*time.Minute) }
		straight, broken := open(), open()
		who := trader{t: t, pairs: []string{"AAABBB", "CCCBBB", "DDDBBB"}}
		for at := int64(dayMinute - 4); at < dayMinute+5; at++ {
			interfere(t, straight, broken)
			var answers [][]strategy.Command
			step := []engine.PairCandle{closed("AAABBB", candle(t, at)), closed("CCCBBB", candle(t, at)), closed("DDDBBB", candle(t, at))}
			told := straight.step(t, func(ev *strategy.Event, v *strategy.View) []strategy.Command {
				answers = append(answers, who.answer(ev, v))
				return slices.Clone(answers[len(answers)-1])
			}, step...)
			n := 0
			again := broken.step(t, func(*strategy.Event, *strategy.View) []strategy.Command {
				n++
				return slices.Clone(answers[n-1])
			}, step...)
			if !slices.Equal(told, again) {
				t.Fatalf("restored before it is told %v, else %v", again, told)
			}
			broken = broken.restart(t, open())
		}
		a, err := json.Marshal(straight.State())
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(broken.State())
		if err != nil {
			t.Fatal(err)
		}
		if string(a) != string(b) {
			t.Fatalf("restored it ends with\n%s\nelse\n%s", b, a)
		}
	})
}

// restart writes the state down and reads it into another basket.
func (s *stall) restart(t *rapid.T, into *stall) *stall {
	t.Helper()
	raw, err := json.Marshal(s.State())
	if err != nil {
		t.Fatal(err)
	}
	var state engine.BasketState
	if err := json.Unmarshal(raw, &state); err != nil {
		t.Fatal(err)
	}
	for i, v := range s.venues {
		raw, err := json.Marshal(v.State())
		if err != nil {
			t.Fatal(err)
		}
		var account paper.VenueState
		if err := json.Unmarshal(raw, &account); err != nil {
			t.Fatal(err)
		}
		into.venues[i].Restore(account)
	}
	if err := into.Restore(state); err != nil {
		t.Fatal(err)
	}
	return into
}
