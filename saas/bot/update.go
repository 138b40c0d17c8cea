package bot

import (
	"context"
	"errors"
	"slices"

	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/tenancy"
)

// Update changes a configuration. Its bot must be stopped (Conflict, code
// "bot_running"), because a running bot does not change its rules under way. An
// isolation, or a parameter's value, that takes what the plan does not include is
// LimitExceeded; one that the bot has from before may stay, and an isolation counts as far
// as the plan allows it. So are more pairs than the plan allows. A configuration that keeps changing meanwhile is Stale. The
// balance of a live bot is real money: to change it takes the rights that GoLive takes. A
// live bot that shall trade otherwise needs what Untried says. To loosen a bound of its risk
// takes the rights that GoLive takes, too (Forbidden, code "bounds_loosened"), and is on
// record; to tighten one does not.
func (s *Service) Update(ctx context.Context, p tenancy.Principal, id string, in UpdateInput) (Config, error) {
	if err := p.Require(tenancy.BotsWrite); err != nil {
		return Config{}, err
	}
	return settled(func() (Config, error) { return s.update(ctx, p, id, in) })
}

// update is one try of Update. The strategy is asked before the transaction, for it may
// be slow; errMoved if the configuration is not the one any more that it was asked of.
func (s *Service) update(ctx context.Context, p tenancy.Principal, id string, in UpdateInput) (Config, error) {
	seen, err := s.cfg.Store.Config(ctx, p.TenantID, id)
	if err != nil {
		return Config{}, err
	}
	b, err := s.cfg.Store.Bot(ctx, p.TenantID, seen.BotID)
	if err == nil {
		err = changeable(b)
	}
	if err != nil {
		return Config{}, err
	}
	c := seen
	in.apply(&c)
	if err := s.check(ctx, &c, errs.Fields{}); err != nil {
		return Config{}, err
	}
	needs, err := s.needs(ctx, c, seen.Parameters)
	if err != nil {
		return Config{}, err
	}
	var more []map[string]any
	if c.Mode == Live && !seen.tradesAs(c) {
		if err := in.waived(p, seen.Name); err != nil {
			return Config{}, err
		}
		more = append(more, map[string]any{"user_id": p.UserID, "waived": true})
	}
	if loosened := c.Loosened(seen); c.Mode == Live && len(loosened) > 0 {
		if err := mayLoosen(p, seen.Name, loosened); err != nil {
			return Config{}, err
		}
		more = append(more, map[string]any{"user_id": p.UserID, "loosened": loosened})
	}
	if c.Mode == Live && !c.Balance.Equal(seen.Balance) {
		if err := s.offered(p); err != nil {
			return Config{}, err
		}
		var f errs.Fields
		s.enough(&f, c.Balance, c, s.last(ctx, c))
		if err := f.Err(); err != nil {
			return Config{}, err
		}
		more = append(more, map[string]any{"user_id": p.UserID, "balance": c.Balance, "balance_before": seen.Balance})
	}
	err = s.cfg.Tx.Tx(ctx, p.TenantID, func(ctx context.Context) error {
		b, err := s.cfg.Store.LockBot(ctx, p.TenantID, seen.BotID)
		if err != nil {
			return err
		}
		if err := changeable(b); err != nil {
			return err
		}
		if now, err := s.cfg.Store.Config(ctx, p.TenantID, id); err != nil {
			return err
		} else if now.Version != seen.Version {
			return errMoved
		}
		if err := s.pinned(c); err != nil {
			return err
		}
		need := needs
		if c.Isolation != seen.Isolation {
			need = append(need, isolated(c.Isolation)...)
		}
		if len(need) > 0 {
			if err := s.cfg.Gate.Require(ctx, p.TenantID, need...); err != nil {
				return err
			}
		}
		if err := s.exchange(ctx, b, c.Also); err != nil {
			return err
		}
		c.UpdatedAt = s.now()
		if c, err = s.cfg.Store.UpdateConfig(ctx, p.TenantID, c); err != nil {
			return err
		}
		if err := s.changed(ctx, b, seen, c); err != nil {
			return err
		}
		b.Name, b.Also, b.Interval, b.StrategyVersion = c.Name, c.Also, c.Interval, c.StrategyVersion
		return s.record(ctx, EventUpdated, b, more...)
	})
	return c, err
}

// changeable is the Conflict of a bot that must be stopped before it is changed.
func changeable(b Bot) error {
	if b.AtWork() {
		return busy(b, "you change it")
	}
	return nil
}

// busy is the Conflict of a bot that must be stopped before something is done.
func busy(b Bot, before string) *errs.Error {
	if b.Guarded() {
		return errs.New(errs.Conflict, "bot_guarded", "%s has failed, and what it left is looked after: stop it before %s", b.Name, before)
	}
	return errs.New(errs.Conflict, "bot_running", "%s is running: stop it before %s", b.Name, before)
}

// settled makes a change until nobody else's comes before it. After some tries it is
// Stale, code "config_changed".
func settled(change func() (Config, error)) (Config, error) {
	for try := 1; ; try++ {
		c, err := change()
		switch {
		case !errors.Is(err, errMoved):
			return c, err
		case try == tries:
			return Config{}, errs.New(errs.Stale, "config_changed", "somebody else keeps changing it: look at it again and repeat your change").Wrap(err)
		}
	}
}

// pinned reports whether the version that a configuration was checked with can be used
// still; else the error is a *catalog.UnusableError.
func (s *Service) pinned(c Config) error {
	_, err := s.cfg.Strategies.Pin(c.Strategy, c.StrategyVersion)
	return err
}

// exchange gives the places in the plan back of further pairs that a bot is not to
// trade any more, and takes those of the new ones. A refusal ends the transaction, so
// that it changes nothing.
func (s *Service) exchange(ctx context.Context, b Bot, also []string) error {
	but := func(pairs, without []string) []string {
		return slices.DeleteFunc(slices.Clone(pairs), func(p string) bool { return slices.Contains(without, p) })
	}
	if gone := but(b.Also, also); len(gone) > 0 {
		if err := s.cfg.Gate.Release(ctx, b.TenantID, traded(b.ID, gone...)...); err != nil {
			return err
		}
	}
	if more := but(also, b.Also); len(more) > 0 {
		return s.cfg.Gate.Reserve(ctx, b.TenantID, traded(b.ID, more...)...)
	}
	return nil
}

// CheckUpdate names what Update would refuse in the fields, as the same Invalid
// error, and stores nothing. Whether the bot is stopped is not looked at.
func (s *Service) CheckUpdate(ctx context.Context, p tenancy.Principal, id string, in UpdateInput) error {
	if err := p.Require(tenancy.BotsWrite); err != nil {
		return err
	}
	c, err := s.cfg.Store.Config(ctx, p.TenantID, id)
	if err != nil {
		return err
	}
	in.apply(&c)
	return s.check(ctx, &c, errs.Fields{})
}
