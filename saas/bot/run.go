package bot

import (
	"context"

	"github.com/lunobot/lunobot/billing"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/tenancy"
)

// Start asks for the bot to run; a worker takes it up. Starting a bot that is to run
// already changes nothing. One under a kill switch is a Conflict, code "halted". The plan's
// limit of running bots is LimitExceeded (rule E7), and so are parameters that take what
// the plan does not include.
func (s *Service) Start(ctx context.Context, p tenancy.Principal, id string) (Bot, error) {
	return s.wish(ctx, p, id, true)
}

// Stop asks for the bot to stop. One that has failed, and whose position is watched, is not
// watched any more then. Stopping a stopped bot changes nothing.
func (s *Service) Stop(ctx context.Context, p tenancy.Principal, id string) (Bot, error) {
	return s.wish(ctx, p, id, false)
}

func (s *Service) wish(ctx context.Context, p tenancy.Principal, id string, run bool) (Bot, error) {
	if err := p.Require(tenancy.BotsTrade); err != nil {
		return Bot{}, err
	}
	var needs []billing.Entitlement
	if run {
		var err error
		if needs, err = s.startNeeds(ctx, p.TenantID, id); err != nil {
			return Bot{}, err
		}
	}
	var b Bot
	err := s.cfg.Tx.Tx(ctx, p.TenantID, func(ctx context.Context) error {
		var err error
		if b, err = s.cfg.Store.LockBot(ctx, p.TenantID, id); err != nil {
			return err
		}
		if run && !b.Desired && s.cfg.Halts != nil {
			if err := s.cfg.Halts.Startable(ctx, p.TenantID, id); err != nil {
				return err
			}
		}
		now := s.now()
		switch {
		case run && !b.Desired && b.Status == Stopping:
			return errs.New(errs.Conflict, "bot_stopping", "%s is still stopping: try again in a moment", b.Name)
		case run && !b.Desired:
			if _, err := s.cfg.Strategies.Pin(b.Strategy, b.StrategyVersion); err != nil {
				return err
			}
			if err := s.trade(ctx, b); err != nil {
				return err
			}
			if err := s.cfg.Gate.Reserve(ctx, p.TenantID, running(b)); err != nil {
				return err
			}
			if len(needs) > 0 {
				if err := s.cfg.Gate.Require(ctx, p.TenantID, needs...); err != nil {
					return sellable(b, err)
				}
			}
			if b.Market != s.cfg.LiveVenue { // what it did at other prices proves nothing here
				b.Market, b.SetupAt = s.cfg.LiveVenue, now
			}
			b.Desired, b.Status, b.Reason, b.Ending = true, Starting, "waiting for a worker", Asked
			b.CloseOnly, b.Failure = false, ""
			b.Run, b.StartedAt = b.Run+1, now
		case !run && (b.Desired || b.Guarded()):
			b.Desired, b.Status, b.Reason, b.Failure, b.Ending = false, Stopping, "asked to stop", "", Asked
		default:
			return nil
		}
		b.UpdatedAt = now
		if err := s.cfg.Store.UpdateBot(ctx, p.TenantID, b); err != nil {
			return err
		}
		typ := EventStopRequested
		if run {
			typ = EventStartRequested
		}
		return s.record(ctx, typ, b)
	})
	return b, err
}

// Observe writes what a worker saw of a bot. A bot that came to rest gives its
// place among the running ones back. It changes nothing if the bot has begun
// another run since.
func (s *Service) Observe(ctx context.Context, tenantID, id string, run int64, status Status, reason string) error {
	return s.cfg.Tx.Tx(ctx, tenantID, func(ctx context.Context) error {
		b, err := s.cfg.Store.LockBot(ctx, tenantID, id)
		if err != nil {
			return err
		}
		if b.Run != run || (b.Status == status && b.Reason == reason && !b.Guarded()) {
			return nil
		}
		if !b.Desired && status.Active() && status != Stopping {
			return nil // asked to stop meanwhile: the worker will see it
		}
		b.Status, b.Reason, b.Failure, b.UpdatedAt = status, reason, "", s.now()
		if status == Failed {
			b.Desired = false
		}
		if !status.Active() {
			if err := s.cfg.Gate.Release(ctx, tenantID, running(b)); err != nil {
				return err
			}
		}
		if err := s.cfg.Store.UpdateBot(ctx, tenantID, b); err != nil {
			return err
		}
		return s.record(ctx, EventStatusChanged, b)
	})
}

// running is what a bot takes of its plan by running.
func running(b Bot) billing.Want { return billing.Want{Feature: billing.RunningBots, Key: b.ID} }
