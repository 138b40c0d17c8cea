package backtest

import (
	"cmp"

	"github.com/lunobot/lunobot/strategy"
)

// Needs is what a strategy wants to see in a run beside the candles of its market
// that it trades in. It depends on the parameters.
type Needs struct {
	// Subscription is what it looks at beyond those candles.
	strategy.Subscription
	// Warmup is how many candles of the past it wants first.
	Warmup int
}

// NeedsOf returns the needs of a strategy in this process. Bad parameters are
// param.Errors.
func NeedsOf(def strategy.Definition, cfg Config) (Needs, error) {
	i, err := def.Open(strategy.OpenInput{Market: cfg.Market, Also: cfg.Markets()[1:], Interval: cmp.Or(cfg.Decide, cfg.Interval), Params: cfg.Params})
	if err != nil {
		return Needs{}, err
	}
	return Needs{Subscription: i.Subscription(), Warmup: i.Warmup()}, nil
}
