package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/lunobot/lunobot/billing"
	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/strategy/param"
)

// Needed is what a plan must include for features that parameters take.
func Needed(features ...param.Feature) []billing.Entitlement {
	var needs []billing.Entitlement
	for _, f := range features {
		if f == param.CustomIndicators {
			needs = append(needs, billing.NeedCustomIndicators)
		}
	}
	return needs
}

// needs is what a plan must include for the parameters of a configuration that was
// checked, but for those that stood in before. It may ask the strategy's process: never
// call it in a transaction.
func (s *Service) needs(ctx context.Context, c Config, before json.RawMessage) ([]billing.Entitlement, error) {
	schema, err := s.cfg.Strategies.Schema(ctx, c.Strategy, c.StrategyVersion)
	if err != nil {
		return nil, fmt.Errorf("reading the parameters of strategy %s: %w", c.Strategy, err)
	}
	return Needed(schema.Needs(c.Parameters, before)...), nil
}

// startNeeds is needs of a bot that is to start. What it has from before counts: a plan
// that went down lets its bots run on, and starts none that takes more than it includes.
func (s *Service) startNeeds(ctx context.Context, tenantID, botID string) ([]billing.Entitlement, error) {
	b, err := s.cfg.Store.Bot(ctx, tenantID, botID)
	if err != nil || b.Desired {
		return nil, err
	}
	c, err := s.cfg.Store.Config(ctx, tenantID, b.ConfigID)
	if err != nil {
		return nil, err
	}
	if usable := s.pinned(c) == nil; usable {
		return s.needs(ctx, c, nil)
	}
	return nil, nil // it is not started, which is told where that is refused
}

// sellable adds to a plan's refusal to start a live bot how what it holds can be sold all the
// same, which takes no plan.
func sellable(b Bot, err error) error {
	var refusal *errs.Error
	if b.Mode != Live || !errors.As(err, &refusal) || refusal.Code != billing.CodeNotInPlan {
		return err
	}
	told := *refusal
	told.Message += " Without it the bot starts. What it holds can be sold all the same: pull the kill switch for this bot so that positions are closed."
	return &told
}

// isolated is what a plan must include for an isolation.
func isolated(i catalog.Isolation) []billing.Entitlement {
	switch i {
	case catalog.PerTenant:
		return []billing.Entitlement{billing.NeedTenantIsolation}
	case catalog.PerBot:
		return []billing.Entitlement{billing.NeedBotIsolation}
	case catalog.Shared:
	}
	return nil
}
