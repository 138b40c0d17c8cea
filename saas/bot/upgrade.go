package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/tenancy"
)

// UpgradeInput says what a bot shall be upgraded to.
type UpgradeInput struct {
	// StrategyVersion is the version to go to, which may be an older one; required.
	StrategyVersion string
	// Parameters are the strategy's parameters for that version, as JSON. Defaults
	// to those that the bot has.
	Parameters json.RawMessage
	Untried
}

// Pending reports whether the upgrade has yet to be made.
func (u Upgrade) Pending() bool { return len(u.Parameters) > 0 }

// Upgrade pins a bot to another version. A bot that runs goes on in it with its
// state: a worker makes the change within seconds, and if the version refuses the
// state, the bot stays with the one that it has and the configuration says why
// (rule PL7). A stopped bot is pinned at once and begins anew at its next start.
// Parameters that the version does not take are Invalid, and new ones that take what the
// plan does not include LimitExceeded; the version that the bot
// has already is a Conflict, code "strategy_version_same". Of a live bot it is a way to
// trade that was not tried on paper, see Untried.
func (s *Service) Upgrade(ctx context.Context, p tenancy.Principal, botID string, in UpgradeInput) (Config, error) {
	if err := p.Require(tenancy.BotsWrite); err != nil {
		return Config{}, err
	}
	return settled(func() (Config, error) { return s.upgrade(ctx, p, botID, in) })
}

// upgrade is one try of Upgrade. The strategy is asked before the transaction, for it may
// be slow; errMoved if the configuration is not the one any more that it was asked of.
func (s *Service) upgrade(ctx context.Context, p tenancy.Principal, botID string, in UpgradeInput) (Config, error) {
	seen, pin, params, err := s.checkUpgrade(ctx, p, botID, in)
	if err != nil {
		return Config{}, err
	}
	needs, err := s.needs(ctx, Config{Strategy: seen.Strategy, StrategyVersion: pin, Parameters: params}, seen.Parameters)
	if err != nil {
		return Config{}, err
	}
	more := map[string]any{}
	return s.changeVersion(ctx, p.TenantID, botID, EventUpgradeRequested, more, func(b Bot, c *Config) error {
		switch {
		case c.Version != seen.Version:
			return errMoved
		case pin == c.StrategyVersion:
			return errs.New(errs.Conflict, "strategy_version_same", "%s has that version already", b.Name)
		}
		if c.Mode == Live {
			if err := in.waived(p, b.Name); err != nil {
				return err
			}
			more["user_id"], more["waived"] = p.UserID, true
		}
		if len(needs) > 0 {
			if err := s.cfg.Gate.Require(ctx, p.TenantID, needs...); err != nil {
				return err
			}
		}
		switch {
		case b.Desired || b.Status.Active():
			c.Upgrade = Upgrade{Version: pin, Parameters: params}
		default:
			c.StrategyVersion, c.Parameters, c.Upgrade = pin, params, Upgrade{}
		}
		return s.pinned(Config{Strategy: c.Strategy, StrategyVersion: pin})
	})
}

// CheckUpgrade names what Upgrade would refuse in the fields, and stores nothing.
func (s *Service) CheckUpgrade(ctx context.Context, p tenancy.Principal, botID string, in UpgradeInput) error {
	if err := p.Require(tenancy.BotsWrite); err != nil {
		return err
	}
	_, _, _, err := s.checkUpgrade(ctx, p, botID, in)
	return err
}

// checkUpgrade asks the version to upgrade to; c is the configuration that it was asked
// of.
func (s *Service) checkUpgrade(ctx context.Context, p tenancy.Principal, botID string, in UpgradeInput) (c Config, pin string, params json.RawMessage, err error) {
	b, err := s.cfg.Store.Bot(ctx, p.TenantID, botID)
	if err != nil {
		return c, "", nil, err
	}
	if c, err = s.cfg.Store.Config(ctx, p.TenantID, b.ConfigID); err != nil {
		return c, "", nil, err
	}
	var f errs.Fields
	f.Check(in.StrategyVersion != "", "/strategy_version", "is required")
	if err := f.Err(); err != nil {
		return c, "", nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	given := in.Parameters
	if len(given) == 0 {
		given = c.Parameters
	}
	setup := Setup{Pair: c.Pair, Also: c.Also, Strategy: c.Strategy, Version: in.StrategyVersion, Parameters: given}
	params, pin = setup.checkStrategy(ctx, &f, s.cfg.Strategies)
	if f.Err() != nil {
		return c, pin, params, f.Err()
	}
	own, err := s.cfg.Markets.Market(c.Pair)
	if err != nil {
		return c, "", nil, fmt.Errorf("the pair of bot %s: %w", c.BotID, err)
	}
	if also, ok := setup.further(&f, own, s.cfg.Markets); ok {
		setup.ask(ctx, &f, "/strategy_version", s.cfg.Strategies, params, pin, own, also)
	}
	return c, pin, params, f.Err()
}

// Upgraded writes that a worker has brought a bot to the version that it is to be
// upgraded to. If that is another one by now, it is Stale.
func (s *Service) Upgraded(ctx context.Context, tenantID, botID, version string) (Config, error) {
	return s.changeVersion(ctx, tenantID, botID, EventUpgraded, nil, func(b Bot, c *Config) error {
		if !c.Upgrade.Pending() || c.Upgrade.Version != version {
			return errs.New(errs.Stale, "upgrade_changed", "%s is to be upgraded to another version by now", b.Name)
		}
		c.StrategyVersion, c.Parameters, c.Upgrade = version, c.Upgrade.Parameters, Upgrade{}
		return nil
	})
}

// UpgradeRefused writes why a bot stays with the version that it has. If that
// upgrade is over, or another one is asked for by now, nothing is written.
func (s *Service) UpgradeRefused(ctx context.Context, tenantID, botID, version, reason string) (Config, error) {
	return s.changeVersion(ctx, tenantID, botID, EventUpgradeRefused, nil, func(_ Bot, c *Config) error {
		if !c.Upgrade.Pending() || c.Upgrade.Version != version {
			return errUnchanged
		}
		c.Upgrade = Upgrade{Fault: reason}
		return nil
	})
}

// errUnchanged tells changeVersion to leave a configuration as it is.
var errUnchanged = errors.New("unchanged")

// changeVersion changes a bot's configuration while nobody else does. The event says more.
func (s *Service) changeVersion(ctx context.Context, tenantID, botID, typ string, more map[string]any, change func(b Bot, c *Config) error) (c Config, err error) {
	err = s.cfg.Tx.Tx(ctx, tenantID, func(ctx context.Context) error {
		b, err := s.cfg.Store.LockBot(ctx, tenantID, botID)
		if err != nil {
			return err
		}
		if c, err = s.cfg.Store.Config(ctx, tenantID, b.ConfigID); err != nil {
			return err
		}
		before := c
		if err := change(b, &c); errors.Is(err, errUnchanged) {
			return nil
		} else if err != nil {
			return err
		}
		c.UpdatedAt = s.now()
		if c, err = s.cfg.Store.UpdateConfig(ctx, tenantID, c); err != nil {
			return err
		}
		if err := s.changed(ctx, b, before, c); err != nil {
			return err
		}
		b.StrategyVersion = c.StrategyVersion
		return s.record(ctx, typ, b, more)
	})
	return c, err
}
