package ceiling

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lunobot/lunobot/saas/errs"
)

// watchEvery is the time between two looks at what was lost. What a position is worth is
// written down once a minute.
const watchEvery = 5 * time.Second

// Run watches until ctx ends.
func (s *Service) Run(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for failing := false; ; {
		err := s.Watch(ctx)
		if err != nil && ctx.Err() == nil && !failing {
			s.cfg.Log.ErrorContext(ctx, "what live bots have lost today cannot be looked at; it is tried again", "error", err)
		}
		failing = err != nil // said once: it is looked at every few seconds
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Watch looks at what the live bots of all tenants have lost today. A loss that has
// reached its ceiling is noted, which denies entries for the rest of the day, and its
// tenant is told once; whichever worker is first does both.
func (s *Service) Watch(ctx context.Context) error {
	list, err := s.cfg.Store.Watched(ctx)
	if err != nil {
		return err
	}
	for _, c := range list {
		now := s.cfg.Now()
		if c.Over(now) {
			continue
		}
		if e := s.watch(ctx, c, now); e != nil {
			err = errors.Join(err, fmt.Errorf("looking at the losses in %s of tenant %s: %w", c.Currency, c.TenantID, e))
		}
	}
	return err
}

// watch looks at one ceiling at a time, whose day is also that of the loss: midnight may pass
// meanwhile.
func (s *Service) watch(ctx context.Context, c Ceiling, at time.Time) error {
	standing, err := s.cfg.Store.Standing(ctx, c.TenantID, c.Currency, at)
	if err != nil || !c.Reaches(standing) {
		return err
	}
	err = s.cfg.Tx.Tx(ctx, c.TenantID, func(ctx context.Context) error {
		now, err := s.cfg.Store.LockCeiling(ctx, c.TenantID, c.Currency)
		if err != nil {
			return err
		}
		if now.Version != c.Version { // set anew meanwhile, or another worker was first
			return nil
		}
		now.Reached, now.Loss = Day(at), standing.Loss
		now.Version++
		if err := s.cfg.Store.PutCeiling(ctx, c.TenantID, now); err != nil {
			return err
		}
		return s.record(ctx, EventReached, now, map[string]any{
			"max_daily_loss": now.MaxDailyLoss, "loss": now.Loss, "until": now.Reached.Add(24 * time.Hour), "text": now.Says(),
		})
	})
	if errs.KindOf(err) == errs.NotFound { // removed meanwhile
		return nil
	}
	return err
}
