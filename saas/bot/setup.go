package bot

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/strategy/param"
)

// maxBalance bounds a paper account: far above any use, far below overflow.
const maxBalance = 1_000_000_000

// Setup is which strategy trades what with how much simulated money: what a bot
// and a backtest have in common.
type Setup struct {
	Name string
	// Pair is the market's symbol and Strategy the strategy's name.
	Pair     string
	Strategy string
	// Also are further pairs that are traded with the same balance, of the same counter
	// currency.
	Also []string
	// Version is the strategy's version; "" means what the server contains, or
	// else the newest.
	Version string
	// Interval is the length of the candles that the strategy decides on; 0 means
	// DefaultInterval.
	Interval time.Duration
	// Parameters are the strategy's parameters as JSON; empty means defaults.
	Parameters json.RawMessage
	// Balance is the starting balance in the counter currency; it may be 0 if Held says
	// that something else is held to begin with.
	Balance decimal.Decimal
	Held    bool
	Risk    Risk
}

// askLimit is how long a strategy may take to say what it thinks of its parameters and
// pairs, its start counted.
const askLimit = 20 * time.Second

// Check notes every faulty field under the name that the API gives it, and
// returns the parameters completed with their defaults, and the version to pin. It may
// ask the strategy's process: never call it in a transaction.
func (s Setup) Check(ctx context.Context, f *errs.Fields, markets Markets, strategies Strategies) (params json.RawMessage, pin string) {
	name := strings.TrimSpace(s.Name)
	f.Check(name != "", "/name", "is required")
	f.Check(len([]rune(name)) <= 80, "/name", "must have at most 80 characters")
	f.CheckLine("/name", name)
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	market, err := markets.Market(s.Pair)
	known := err == nil
	switch {
	case s.Pair == "":
		f.Add("/trading_pair", "is required")
	case !known:
		f.Add("/trading_pair", "is not a pair that is traded here: "+cmp.Or(strings.Join(markets.Pairs(), ", "), "there is none"))
	}
	f.Check(s.Interval == 0 || IntervalName(s.Interval) != "", "/interval", "must be one of "+strings.Join(Intervals(), ", "))
	if !s.Held || !s.Balance.IsZero() {
		checkBalance(f, s.Balance, market, known)
	}
	s.Risk.check(f, market, known)
	s.Risk.checkFurther(f, s.Also, markets)
	params, pin = s.checkStrategy(ctx, f, strategies)
	s.checkPairs(ctx, f, markets, strategies, params, pin)
	s.checkTraded(ctx, f, markets, strategies, params, pin)
	return params, pin
}

// checkBalance notes what is wrong with an amount of the counter currency; the market
// counts if it is known.
func checkBalance(f *errs.Fields, balance decimal.Decimal, market exchange.Market, known bool) {
	f.Check(balance.IsPositive(), "/balance", "must be above 0")
	small := balance.LessThanOrEqual(decimal.NewFromInt(maxBalance))
	f.Check(small, "/balance", "must be at most 1,000,000,000")
	if known && balance.IsPositive() && small {
		_, err := market.Units(balance, exchange.Exact)
		f.Check(err == nil, "/balance", "has more decimals than "+market.Counter+" is traded with")
	}
}

// checkPairs notes parameters that name a market which is not there, or the one that
// is traded anyway.
func (s Setup) checkPairs(ctx context.Context, f *errs.Fields, markets Markets, strategies Strategies, params json.RawMessage, pin string) {
	var given map[string]json.RawMessage
	if len(params) == 0 || json.Unmarshal(params, &given) != nil {
		return // its faults are noted
	}
	schema, err := strategies.Schema(ctx, s.Strategy, pin)
	if err != nil {
		return // noted
	}
	for _, p := range schema.Fields() {
		pair := p.Text(given[p.Name])
		if p.Kind != param.Pair || pair == "" {
			continue
		}
		_, err := markets.Market(pair)
		f.Check(err == nil, "/parameters/"+p.Name, "is not a pair that there is here: "+strings.Join(markets.Pairs(), ", "))
		f.Check(pair != s.Pair, "/parameters/"+p.Name, "is the pair that is traded: choose another to look at")
		f.Check(!slices.Contains(s.Also, pair), "/parameters/"+p.Name, "is one of the further pairs that are traded: choose another to look at")
	}
}

func (s Setup) checkStrategy(ctx context.Context, f *errs.Fields, strategies Strategies) (params json.RawMessage, pin string) {
	if s.Strategy == "" {
		f.Add("/strategy_type", "is required")
		return nil, ""
	}
	pin, err := strategies.Pin(s.Strategy, s.Version)
	var unusable *catalog.UnusableError
	if errors.As(err, &unusable) && s.Version != "" {
		f.Add("/strategy_version", "is not one that can be used: "+unusable.Error())
		return nil, ""
	}
	if err == nil {
		params, err = strategies.Validate(ctx, s.Strategy, pin, s.Parameters)
	}
	var bad param.Errors
	switch {
	case errors.As(err, &bad):
		addParameters(f, bad)
	case err != nil:
		f.Add("/strategy_type", "is not a strategy that can be used here: "+strings.Join(strategies.Names(), ", "))
	}
	return params, pin
}
