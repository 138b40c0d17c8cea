package backtest

import (
	"cmp"
	"encoding/json"
	"errors"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/paper"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/engine"
	"github.com/lunobot/lunobot/strategy/risk"
)

// Config says what a run trades and at what cost. It travels as JSON.
type Config struct {
	// Costs are what trading costs beside the fees. Defaults to nothing.
	paper.Costs
	// Begin is when trading begins, in epoch milliseconds. Candles that open before
	// are of the past: those of them that the strategy asks for (strategy.Warmer)
	// are shown to it, and nothing trades in them. Defaults to the first candle.
	Begin int64 `json:"begin,omitempty"`
	// Balance is the cash to begin with; required unless there is Base.
	Balance exchange.Units `json:"balance"`
	// Base is what is held of the base currency to begin with, valued at the open of
	// the first candle. Defaults to nothing.
	Base exchange.Steps `json:"base,omitempty"`
	// Decide is the length of the candles that the strategy hears, a whole
	// number of Intervals; orders meet the shorter ones. Defaults to Interval.
	Decide time.Duration `json:"decide,omitempty"`
	// Fees are the account's rates. Defaults to none.
	Fees exchange.Fees `json:"fees"`
	// Interval is the length of the recorded candles; required.
	Interval time.Duration `json:"interval"`
	// Market is what is traded; required.
	Market exchange.Market `json:"market"`
	// Pairs are further pairs that are traded with the same balance, in the order
	// in which the strategy hears them; it must be a strategy.PairTrader, and the
	// source a Companion that has their candles. Defaults to none.
	Pairs []Pair `json:"pairs,omitempty"`
	// Params are the strategy's parameters. Defaults to its own.
	Params json.RawMessage `json:"params,omitempty"`
	// Risk are the host's bounds.
	Risk risk.Config `json:"risk"`
	// Signals are the messages from outside that the strategy hears, oldest first,
	// each with an id of its own. One is told with the first candle that closes at
	// its Time or later; those from before the first candle are left out. Defaults
	// to none.
	Signals []strategy.Signal `json:"signals,omitempty"`
	// Tiers replace the fees from a traded volume on: that of all pairs together, as
	// they are paid in one currency. Volumes are in units of Market. Defaults to none.
	Tiers []paper.Tier `json:"tiers,omitempty"`
}

// Initial returns what the account is worth when trading begins, with a first
// candle that opens at a price.
func (c Config) Initial(open exchange.Ticks) exchange.Units {
	worth, err := open.Times(c.Base)
	if err != nil || c.Balance+worth < worth {
		return c.Balance // no run gets so far: its engine refuses it
	}
	return c.Balance + worth
}

// WarmFrom returns when the oldest candle opens, in epoch milliseconds, that a
// strategy is shown which asks for so many candles of the past.
func (c Config) WarmFrom(warmup int) int64 {
	decide := cmp.Or(c.Decide, c.Interval).Milliseconds()
	return c.Begin - c.Begin%decide - int64(min(max(warmup, 0), engine.MaxWarmup))*decide
}

// maxLead bounds how many recorded candles before a run are worth reading.
const maxLead = 200_000

// Lead returns how long before a run candles are worth reading: so that any
// strategy can warm up, but no more than 200,000 candles.
func (c Config) Lead() time.Duration {
	return min(engine.MaxWarmup*cmp.Or(c.Decide, c.Interval), maxLead*c.Interval)
}

// validate reports what neither the venue nor the engine would.
func (c Config) validate() error {
	if c.Balance < 0 || c.Base < 0 || c.Balance+exchange.Units(c.Base) == 0 {
		return errors.New("backtest: there must be a balance or a holding above 0, and none below")
	}
	if len(c.Pairs) > 0 && c.Base > 0 {
		return errors.New("backtest: runs of several pairs begin with cash alone")
	}
	return checkSignals(c.Signals)
}
