package backtest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
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
	// Lean leaves out of the result what only charts are drawn of (Result.Exposures),
	// for runs of which there are very many. Defaults to false.
	Lean bool `json:"lean,omitempty"`
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

// Initial returns what the account is worth when trading begins, with first candles
// that open at these prices, in the order of Markets. Of several pairs it is rounded
// down to a unit of Market.
func (c Config) Initial(opens ...exchange.Ticks) exchange.Units {
	start, err := c.initial(opens)
	if err != nil {
		return c.Balance // no run gets so far: its engine refuses it
	}
	return start
}

func (c Config) initial(opens []exchange.Ticks) (exchange.Units, error) {
	_, per, err := exchange.SharedUnit(c.Markets()...)
	if err != nil {
		return 0, err
	}
	total, err := exchange.MulDiv(int64(c.Balance), per[0], 1)
	if err != nil {
		return 0, err
	}
	for leg, open := range opens {
		worth, err := open.Times(c.BaseOf(int64(leg)))
		if err != nil {
			return 0, err
		}
		part, err := exchange.MulDiv(int64(worth), per[leg], 1)
		if err != nil || part > math.MaxInt64-total {
			return 0, exchange.ErrOverflow
		}
		total += part
	}
	return exchange.Units(total / per[0]), nil
}

// BaseOf returns what is held to begin with in the market of a leg.
func (c Config) BaseOf(leg int64) exchange.Steps {
	if leg > 0 && leg <= int64(len(c.Pairs)) {
		return c.Pairs[leg-1].Base
	}
	return c.Base
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
	held := c.Balance > 0 || c.Base > 0
	for _, p := range c.Pairs {
		held = held || p.Base > 0
		if p.Base < 0 || p.MaxPosition < 0 {
			return fmt.Errorf("backtest: the holding and the largest position of %s must not be below 0", p.Market.Pair)
		}
	}
	if c.Balance < 0 || c.Base < 0 || !held {
		return errors.New("backtest: there must be a balance or a holding above 0, and none below")
	}
	return checkSignals(c.Signals)
}
