package bot

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/strategy/param"
)

// CreateInput is what a tenant gives to make a bot.
type CreateInput struct {
	Name     string
	Pair     string
	Strategy string
	// Mode defaults to Paper.
	Mode Mode
	// Parameters are the strategy's parameters as JSON; empty means defaults.
	Parameters json.RawMessage
	// Balance is the starting balance in the counter currency; it defaults to
	// 10,000.
	Balance *decimal.Decimal
	Risk    Risk
	// APIKey and APISecret are the exchange credentials; optional on paper, and
	// given together or not at all.
	APIKey, APISecret string
}

// UpdateInput changes a configuration; nil fields stay as they are.
type UpdateInput struct {
	Name       *string
	Parameters json.RawMessage
	Balance    *decimal.Decimal
	Risk       *Risk
	// Version is the version that the caller saw; 0 skips the check.
	Version int64
}

// maxBalance bounds a paper account: far above any use, far below overflow.
const maxBalance = 1_000_000_000

// check looks at a configuration as it would be stored and names every faulty
// field, beside those that the caller has found; it returns the parameters
// completed with their defaults.
func (s *Service) check(c Config, f errs.Fields) (json.RawMessage, error) {
	name := strings.TrimSpace(c.Name)
	f.Check(name != "", "/name", "is required")
	f.Check(len([]rune(name)) <= 80, "/name", "must have at most 80 characters")
	f.Check(c.Mode == Paper, "/mode", `must be "paper"`)
	market, marketErr := s.cfg.Markets.Market(c.Pair)
	switch {
	case c.Pair == "":
		f.Add("/trading_pair", "is required")
	case marketErr != nil:
		f.Add("/trading_pair", "is not a pair that is traded here: "+strings.Join(s.cfg.Markets.Pairs(), ", "))
	}
	f.Check(c.Balance.IsPositive(), "/balance", "must be above 0")
	small := c.Balance.LessThanOrEqual(decimal.NewFromInt(maxBalance))
	f.Check(small, "/balance", "must be at most 1,000,000,000")
	if marketErr == nil && c.Balance.IsPositive() && small {
		_, err := market.Units(c.Balance, exchange.Exact)
		f.Check(err == nil, "/balance", "has more decimals than "+market.Counter+" is traded with")
	}
	percent := func(d decimal.Decimal, path string, most int64) {
		f.Check(!d.IsNegative() && d.LessThanOrEqual(decimal.NewFromInt(most)), path, "must be between 0 and "+decimal.NewFromInt(most).String())
	}
	percent(c.Risk.StopLossPercent, "/risk/stop_loss_percent", 99)
	percent(c.Risk.TakeProfitPercent, "/risk/take_profit_percent", 10_000)
	f.Check(!c.Risk.MaxPosition.IsNegative(), "/risk/max_position", "must be at least 0")
	if marketErr == nil && c.Risk.MaxPosition.IsPositive() {
		most, err := market.Steps(c.Risk.MaxPosition, exchange.Down)
		f.Check(err == nil && most >= market.MinVolume, "/risk/max_position", "must be 0 or at least the least order, "+market.Volume(market.MinVolume).String()+" "+market.Base)
	}

	if c.Strategy == "" {
		f.Add("/strategy_type", "is required")
		return nil, f.Err()
	}
	params, err := s.cfg.Strategies.Validate(c.Strategy, c.Parameters)
	var bad param.Errors
	switch {
	case errors.As(err, &bad):
		for _, e := range bad {
			f.Add(strings.TrimSuffix("/parameters/"+strings.NewReplacer("~", "~0", "/", "~1").Replace(e.Name), "/"), e.Reason)
		}
	case err != nil:
		f.Add("/strategy_type", "is not a strategy that can be used here: "+strings.Join(s.cfg.Strategies.Names(), ", "))
	}
	return params, f.Err()
}
