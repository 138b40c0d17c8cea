package billingdb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/billing"
	"github.com/lunobot/lunobot/saas/db"
)

// planRow is one published version, its terms as JSON.
type planRow struct {
	bun.BaseModel `bun:"table:billing_plans,alias:p"`

	ID          string       `bun:"id,pk"`
	Version     int          `bun:"version,pk"`
	Body        string       `bun:"body"`
	PublishedAt db.Timestamp `bun:"published_at"`
}

// PublishPlan implements billing.PlanStore.
func (s *Store) PublishPlan(ctx context.Context, p billing.Plan, at time.Time) error {
	body, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("encoding plan %s: %w", p.ID, err)
	}
	return s.db.System(ctx, "publishing a plan", func(ctx context.Context, tx bun.IDB) error {
		row := planRow{ID: p.ID, Version: p.Version, Body: string(body), PublishedAt: db.At(at)}
		if _, err := tx.NewInsert().Model(&row).On("CONFLICT DO NOTHING").Exec(ctx); err != nil {
			return err
		}
		kept, err := selectPlan(ctx, tx, p.Ref())
		if err != nil {
			return err
		}
		// Both sides pass through today's encoding, so that a field that is new
		// in the program does not look like a changed plan.
		again, err := json.Marshal(kept)
		if err != nil {
			return err
		}
		if string(again) != string(body) {
			return billing.ErrPlanChanged
		}
		return nil
	})
}

// Plan implements billing.PlanStore.
func (s *Store) Plan(ctx context.Context, tenantID string, ref billing.PlanRef) (p billing.Plan, err error) {
	err = s.db.Read(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		p, err = selectPlan(ctx, tx, ref)
		return err
	})
	return p, err
}

func selectPlan(ctx context.Context, tx bun.IDB, ref billing.PlanRef) (billing.Plan, error) {
	row := planRow{ID: ref.ID, Version: ref.Version}
	if err := tx.NewSelect().Model(&row).WherePK().Scan(ctx); err != nil {
		return billing.Plan{}, db.NotFound(err, "reading a plan", billing.ErrNoPlan)
	}
	var p billing.Plan
	if err := json.Unmarshal([]byte(row.Body), &p); err != nil {
		return billing.Plan{}, errors.Join(fmt.Errorf("the kept plan %s version %d cannot be read", ref.ID, ref.Version), err)
	}
	return p, nil
}
