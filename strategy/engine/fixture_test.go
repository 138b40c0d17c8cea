package engine_test

import (
	"fmt"
	"strings"
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

const (
	minute   = int64(60_000)
	perMille = exchange.Rate(100_000)
)

// one is a market whose tick and step are 1, so that the numbers of a test are
// those of its prose.
func one() exchange.Market {
	return exchange.Market{
		Pair: "AAABBB", Base: "AAA", Counter: "BBB", Tick: decimal.NewFromInt(1), Step: decimal.NewFromInt(1), Status: exchange.MarketActive,
	}
}

// bar returns the candle of a minute; volume is 1,000.
func bar(at int64, open, high, low, close exchange.Ticks) exchange.Candle {
	return exchange.Candle{Time: at * minute, Open: open, High: high, Low: low, Close: close, Volume: 1000}
}

// flat returns a candle of one price.
func flat(at int64, price exchange.Ticks) exchange.Candle { return bar(at, price, price, price, price) }

// rig is a session on paper with what it recorded.
type rig struct {
	tb      rapid.TB
	session *engine.Session
	venue   *paper.Venue
	log     *record
}

// terms are what tests change of a rig.
type terms struct {
	balance  exchange.Units
	fees     exchange.Fees
	maxShare exchange.Rate
	// decide is the length of the candles that the strategy hears.
	decide time.Duration
	risk   risk.Config
	wants  func(strategy.EventKind) bool
	// sees is what the strategy subscribes to, spread what makes the venue's book.
	sees   strategy.Subscription
	spread exchange.Rate
	// least and most bound an order's volume.
	least, most exchange.Steps
}

func newRig(tb rapid.TB, c terms) *rig {
	tb.Helper()
	if c.balance == 0 {
		c.balance = 1_000_000
	}
	m := one()
	m.MinVolume, m.MaxVolume = c.least, c.most
	v, err := paper.NewVenue(paper.VenueConfig{Market: m, Balance: c.balance, Fees: c.fees, Costs: paper.Costs{MaxShare: c.maxShare, Spread: c.spread}})
	if err != nil {
		tb.Fatal(err)
	}
	r := &rig{tb: tb, venue: v, log: &record{}}
	r.session, err = engine.New(engine.Config{
		Market: m, Interval: time.Minute, Decide: c.decide, Balance: c.balance, Venue: v, Risk: c.risk, Recorder: r.log, OrderPrefix: "t-", Wants: c.wants,
		Subscription: c.sees,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// candle runs one candle and gives the commands in answer to its close.
func (r *rig) candle(c exchange.Candle, commands ...strategy.Command) {
	r.tb.Helper()
	if err := r.session.Begin(&c); err != nil {
		r.tb.Fatal(err)
	}
	for ev := r.session.Next(); ev != nil; ev = r.session.Next() {
		if ev.Kind != strategy.CandleEvent {
			continue
		}
		for i := range commands {
			if commands[i].Kind == strategy.PlaceCommand && commands[i].Ref == 0 {
				commands[i].Ref = r.session.View().NextRef + uint64(i)
			}
		}
		if err := r.session.Commands(commands); err != nil {
			r.tb.Fatal(err)
		}
	}
}

// record keeps what a session tells its recorder.
type record struct {
	fills     []string
	orders    []string
	decisions []engine.Decision
}

var _ engine.Narrator = (*record)(nil)

func (r *record) Fill(f exchange.Fill, ref uint64, _ portfolio.Result) {
	r.fills = append(r.fills, fmt.Sprintf("%d: %s %d@%d", ref, f.Side, f.Volume, f.Price))
}

func (r *record) Order(o engine.OrderRecord) {
	r.orders = append(r.orders, fmt.Sprintf("%d: %s %s", o.Ref, o.State, o.Reason))
}

func (r *record) Decision(d engine.Decision) { r.decisions = append(r.decisions, d) }

func (r *record) Plot(int64, string, string, float64) {}

// said reports whether a decision of the kind contains the text.
func (r *record) said(kind engine.DecisionKind, text string) bool {
	for _, d := range r.decisions {
		if d.Kind == kind && strings.Contains(d.Text, text) {
			return true
		}
	}
	return false
}

func buy(v exchange.Steps) strategy.Command {
	return strategy.Command{Kind: strategy.PlaceCommand, Side: exchange.Buy, Type: exchange.MarketOrder, Volume: v}
}

func sell(v exchange.Steps) strategy.Command {
	return strategy.Command{Kind: strategy.PlaceCommand, Side: exchange.Sell, Type: exchange.MarketOrder, Volume: v}
}

func limit(side exchange.Side, price exchange.Ticks, v exchange.Steps) strategy.Command {
	return strategy.Command{Kind: strategy.PlaceCommand, Side: side, Type: exchange.LimitOrder, Price: price, Volume: v}
}

func exits(stop, target exchange.Ticks) strategy.Command {
	return strategy.Command{Kind: strategy.ExitsCommand, Exits: strategy.Exits{Stop: stop, Target: target}}
}
