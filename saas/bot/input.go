package bot

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/saas/errs"
)

// CreateInput is what a tenant gives to make a bot.
type CreateInput struct {
	Name     string
	Pair     string
	Strategy string
	// Also are further pairs to trade with the same balance. Defaults to none.
	Also []string
	// StrategyVersion is the version to be pinned to. Defaults to what the server
	// contains, or else the newest.
	StrategyVersion string
	// Isolation defaults to Shared.
	Isolation catalog.Isolation
	// Mode defaults to Paper, and can be no other: a bot goes live with GoLive.
	Mode Mode
	// Interval is the length of the candles that the bot decides on; it defaults
	// to DefaultInterval.
	Interval time.Duration
	// Parameters are the strategy's parameters as JSON; empty means defaults.
	Parameters json.RawMessage
	// Balance is the starting balance in the counter currency; it defaults to
	// 10,000.
	Balance *decimal.Decimal
	Risk    Risk
}

// UpdateInput changes a configuration; nil fields stay as they are.
type UpdateInput struct {
	Name *string
	// Interval begins the strategy anew at the next start, as the parameters do.
	Interval *time.Duration
	// Parameters call an upgrade off that no worker has made yet, because its own
	// would take their place.
	Parameters json.RawMessage
	Balance    *decimal.Decimal
	Risk       *Risk
	// Also replaces the further pairs, by none if it is empty and not nil. Others than
	// before begin a new account at the next start, as another balance does.
	Also []string
	// StrategyVersion pins the bot to another version, which begins anew at the
	// next start. A bot that runs is upgraded instead.
	StrategyVersion *string
	Isolation       *catalog.Isolation
	// Version is the version that the caller saw; 0 skips the check.
	Version int64
	Untried
}

// apply puts the fields that are given into a configuration.
func (in UpdateInput) apply(c *Config) {
	if in.Version != 0 {
		c.Version = in.Version
	}
	if in.Name != nil {
		c.Name = strings.TrimSpace(*in.Name)
	}
	if in.Interval != nil {
		c.Interval = *in.Interval
	}
	if in.Parameters != nil {
		c.Parameters, c.Upgrade = in.Parameters, Upgrade{}
	}
	if in.Balance != nil {
		c.Balance = *in.Balance
	}
	if in.Risk != nil {
		c.Risk = *in.Risk
	}
	if in.Also != nil {
		c.Also = in.Also
	}
	if in.StrategyVersion != nil {
		c.StrategyVersion, c.Upgrade = *in.StrategyVersion, Upgrade{}
	}
	if in.Isolation != nil {
		c.Isolation = *in.Isolation
	}
}

// check looks at a configuration as it would be stored and names every faulty
// field, beside those that the caller has found; it completes the parameters with
// their defaults and pins the version.
func (s *Service) check(ctx context.Context, c *Config, f errs.Fields) error {
	f.Check(c.Isolation.Valid(), "/isolation", "must be shared, tenant or bot")
	setup := Setup{
		Name: c.Name, Pair: c.Pair, Also: c.Also, Strategy: c.Strategy, Version: c.StrategyVersion, Interval: c.Interval, Parameters: c.Parameters, Balance: c.Balance, Risk: c.Risk,
	}
	c.Parameters, c.StrategyVersion = setup.Check(ctx, &f, s.cfg.Markets, s.cfg.Strategies)
	return f.Err()
}
