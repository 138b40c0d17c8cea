package backtest

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/paper"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/risk"
)

// Config says what a run trades and at what cost. It travels as JSON.
type Config struct {
	// Costs are what trading costs beside the fees. Defaults to nothing.
	paper.Costs
	// Balance is the cash to begin with; required.
	Balance exchange.Units `json:"balance"`
	// Decide is the length of the candles that the strategy hears, a whole
	// number of Intervals; orders meet the shorter ones. Defaults to Interval.
	Decide time.Duration `json:"decide,omitempty"`
	// Fees are the account's rates. Defaults to none.
	Fees exchange.Fees `json:"fees"`
	// Interval is the length of the recorded candles; required.
	Interval time.Duration `json:"interval"`
	// Market is what is traded; required.
	Market exchange.Market `json:"market"`
	// Params are the strategy's parameters. Defaults to its own.
	Params json.RawMessage `json:"params,omitempty"`
	// Risk are the host's bounds.
	Risk risk.Config `json:"risk"`
	// Signals are the messages from outside that the strategy hears, oldest first,
	// each with an id of its own. One is told with the first candle that closes at
	// its Time or later; those from before the first candle are left out. Defaults
	// to none.
	Signals []strategy.Signal `json:"signals,omitempty"`
	// Tiers replace the fees from a traded volume on. Defaults to none.
	Tiers []paper.Tier `json:"tiers,omitempty"`
}

// validate reports what neither the venue nor the engine would.
func (c Config) validate() error {
	if c.Balance <= 0 {
		return errors.New("backtest: the balance must be above 0")
	}
	return checkSignals(c.Signals)
}
