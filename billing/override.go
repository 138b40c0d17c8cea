package billing

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/lunobot/lunobot/saas/errs"
)

// Override replaces one limit of one tenant's plan, whatever the plan.
type Override struct {
	// Feature is what it limits.
	Feature Feature
	// Limit is how many are allowed instead.
	Limit Limit
	// ExpiresAt is when it ceases to hold; the zero time is never.
	ExpiresAt time.Time
	// Author is who set it.
	Author string
	// Reason is why, for whoever asks later.
	Reason string
	// CreatedAt is when it was set.
	CreatedAt time.Time
}

// Validate names every faulty field.
func (o Override) Validate() error {
	var faults errs.Fields
	faults.Check(o.Feature.IsValid(), "/feature", "must be one of "+joined(Features()))
	faults.Check(o.Limit >= 0 || o.Limit == Unlimited, "/limit", "must be a whole number from 0, or unlimited")
	faults.Check(strings.TrimSpace(o.Author) != "", "/author", "must not be empty")
	return faults.Err()
}

// inForce returns the limits of the overrides that hold at the time.
func inForce(list []Override, now time.Time) map[Feature]Limit {
	limits := map[Feature]Limit{}
	for _, o := range list {
		if o.ExpiresAt.IsZero() || now.Before(o.ExpiresAt) {
			limits[o.Feature] = o.Limit
		}
	}
	return limits
}

// Overrides lists the tenant's overrides, those that have expired included.
func (s *Service) Overrides(ctx context.Context, tenantID string) ([]Override, error) {
	list, err := s.cfg.Store.Overrides(ctx, tenantID)
	if err != nil {
		return nil, fmt.Errorf("reading the overrides of tenant %s: %w", tenantID, err)
	}
	return list, nil
}

// SetOverride sets or replaces the tenant's override of one feature; CreatedAt
// is the service's to fill. The error is Invalid for faulty fields and NotFound
// for a tenant without a subscription.
func (s *Service) SetOverride(ctx context.Context, tenantID string, o Override) error {
	if err := o.Validate(); err != nil {
		return err
	}
	o.CreatedAt = s.cfg.Now().UTC()
	return s.locked(ctx, tenantID, "overriding a limit of", func(ctx context.Context, sub Subscription) error {
		if err := s.cfg.Store.SetOverride(ctx, tenantID, o); err != nil {
			return err
		}
		return s.record(ctx, sub, EventOverrideChanged, OverrideChanged{
			Feature: o.Feature, Limit: &o.Limit, ExpiresAt: o.ExpiresAt, Actor: o.Author, Reason: o.Reason,
		})
	})
}

// RemoveOverride removes the tenant's override of the feature, if there is one.
func (s *Service) RemoveOverride(ctx context.Context, tenantID string, f Feature, actor string) error {
	return s.locked(ctx, tenantID, "removing an override of", func(ctx context.Context, sub Subscription) error {
		removed, err := s.cfg.Store.RemoveOverride(ctx, tenantID, f)
		if err != nil || !removed {
			return err
		}
		return s.record(ctx, sub, EventOverrideChanged, OverrideChanged{Feature: f, Actor: actor})
	})
}
