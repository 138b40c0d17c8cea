package conformance

import (
	"context"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/paper"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/engine"
)

// Market returns the market of the checks: XBTMYR in whole ringgit and
// millionths of a bitcoin, without minimums.
func Market() exchange.Market {
	return exchange.Market{
		Pair: "XBTMYR", Base: "XBT", Counter: "MYR", Tick: decimal.New(1, 0), Step: decimal.New(1, -6), Status: exchange.MarketActive,
	}
}

// span is the length of the candles.
const span = time.Minute

// fees are what the simulated accounts pay: 0.1 % a side.
func fees() exchange.Fees { return exchange.Fees{Maker: 100_000, Taker: 100_000} }

// openInput opens a bot on the market with the strategy's defaults.
func openInput(snapshot *strategy.Snapshot) strategy.OpenInput {
	return strategy.OpenInput{Explain: true, Interval: span, Market: Market(), Snapshot: snapshot}
}

// How many candles a scenario has after the warm-up, and how many a warm-up has
// at most.
const (
	scenarioCandles = 120
	maxWarmup       = 5000
)

// scenario is a market that a strategy must get along with.
type scenario struct {
	name   string
	candle func(i int) exchange.Candle
	// signals are the messages that come before the i-th candle closes; nil for none.
	signals func(open int64, i int) []strategy.Signal
	// also are further pairs that are traded, whose candles are made of the same.
	also []exchange.Market
	// idle is true if orders are not carried out, because no account could be
	// kept at such prices.
	idle bool
}

func scenarios() []scenario {
	minute := func(i int) int64 { return 1_700_000_000_000/60_000*60_000 + int64(i)*60_000 }
	return []scenario{
		{name: "waves", candle: func(i int) exchange.Candle { return waveCandle(minute(i), i) }},
		{name: "flat", candle: func(i int) exchange.Candle { return exchange.Flat(minute(i), 250_000) }},
		{name: "gaps", candle: func(i int) exchange.Candle {
			jump := exchange.Ticks(i%5) * 10_000
			return exchange.Candle{Time: minute(i + i/7*5000), Open: 200_000 + jump, High: 250_000 + jump, Low: 150_000, Close: wave(i), Volume: 1}
		}},
		{name: "extremes", idle: true, candle: func(i int) exchange.Candle {
			price := []exchange.Ticks{1, 1 << 52, 1 << 62, 3, 1 << 40}[i%5]
			return exchange.Candle{Time: minute(i), Open: price, High: price, Low: 1, Close: price, Volume: []exchange.Steps{0, 1 << 62}[i%2]}
		}},
	}
}

// waves is the scenario that other checks use: an ordinary market.
func waves() scenario { return scenarios()[0] }

// wave is a price that goes up and down, with some noise.
func wave(i int) exchange.Ticks {
	step := exchange.Ticks(i % 60)
	if step > 30 {
		step = 60 - step
	}
	return 250_000 + 40*step + exchange.Ticks(i*7919%97)
}

func waveCandle(at int64, i int) exchange.Candle {
	open, closing := wave(i), wave(i+1)
	return exchange.Candle{Time: at, Open: open, High: max(open, closing) + 5, Low: min(open, closing) - 5, Close: closing, Volume: 5_000_000}
}

// input opens a bot that trades what the scenario has.
func (sc scenario) input(snapshot *strategy.Snapshot) strategy.OpenInput {
	in := openInput(snapshot)
	in.Also = sc.also
	return in
}

// newTrader opens an account of a million for a bot of the subject, which trades
// further pairs too.
func newTrader(ctx context.Context, s Subject, bot Opened, also ...exchange.Market) (*Trader, error) {
	t := &Trader{
		Beside: func(c exchange.Candle) engine.Beside { return Beside(Market().Pair, bot.Subscription, c) }, Deliver: deliverTo(ctx, s, bot.Bot), Interval: span,
		Others: func(c exchange.Candle) []engine.PairCandle { return othersOf(also, c) },
	}
	venue := func(m exchange.Market, balance exchange.Units, prefix string) (*paper.Venue, error) {
		return paper.NewVenue(paper.VenueConfig{Market: m, Balance: balance, Fees: fees(), Costs: costs(), OrderPrefix: prefix})
	}
	own, err := venue(Market(), million, "")
	if err != nil {
		return nil, err
	}
	cfg := engine.Config{
		Market: Market(), Interval: span, Balance: million, Venue: own, OrderPrefix: "t-", Wants: bot.wants, Subscription: bot.Subscription,
	}
	if len(also) == 0 {
		t.Session, err = engine.New(cfg)
		return t, err
	}
	basket := engine.BasketConfig{Config: cfg}
	for i, m := range also {
		v, err := venue(m, 0, fmt.Sprintf("P%d-", i+1))
		if err != nil {
			return nil, err
		}
		basket.Legs = append(basket.Legs, engine.Leg{Market: m, Venue: v})
	}
	t.Basket, err = engine.NewBasket(basket)
	return t, err
}

// Beside makes what a strategy subscribes to of a candle of a pair: a trade at each of
// its prices, and other pairs that move as it does. A book is made by the account where
// its costs have a spread.
func Beside(pair string, sees strategy.Subscription, c exchange.Candle) (b engine.Beside) {
	if sees.Trades {
		for i, price := range []exchange.Ticks{c.Open, c.Low, c.High, c.Close} {
			b.Trades = append(b.Trades, exchange.Trade{
				Pair: pair, Sequence: c.Time + int64(i), Time: c.Time + int64(i)*1000, Price: price, Volume: c.Volume / 4, Taker: exchange.Side(i % 3),
			})
		}
	}
	for _, other := range sees.Pairs {
		b.Pairs = append(b.Pairs, engine.PairCandle{Pair: other, Candle: c})
	}
	return b
}

// costs are what trading costs there beside the fees; a spread makes a book.
func costs() paper.Costs { return paper.Costs{Spread: 100_000} }

// million is a million of the market's counter currency.
const million exchange.Units = 1_000_000_000_000

// recording is all that went to and fro between a host and a bot.
type recording struct {
	steps []Step
	// warm is how many of them were of the past.
	warm int
}

// record runs a new bot of the subject through a scenario.
func record(ctx context.Context, s Subject, sc scenario) (r recording, err error) {
	bot, err := openOne(ctx, s, sc.input(nil))
	if err != nil {
		return r, err
	}
	t, err := newTrader(ctx, s, bot, sc.also...)
	if err != nil {
		return r, err
	}
	warmup := min(bot.Warmup, maxWarmup)
	for i := range warmup {
		steps, err := t.Warm(sc.candle(i))
		if err != nil {
			return r, fmt.Errorf("after %d events: %w", len(r.steps), err)
		}
		r.steps = append(r.steps, steps...)
	}
	r.warm = len(r.steps)
	steps, err := t.Start()
	for i := warmup; err == nil && i < warmup+scenarioCandles; i++ {
		r.steps = append(r.steps, steps...)
		c := sc.candle(i)
		if err := t.signals(sc.signals, i, c, bot); err != nil {
			return r, err
		}
		if sc.idle {
			var step Step
			step, err = t.Show(c)
			steps = []Step{step}
		} else {
			steps, err = t.Candle(c)
		}
	}
	if err != nil {
		return r, fmt.Errorf("after %d events: %w", len(r.steps), err)
	}
	r.steps = append(r.steps, steps...)
	return r, nil
}
