package saas

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/lunobot/lunobot/billing"
	"github.com/lunobot/lunobot/saas/catalog"
)

// planTime is how long a tenant's plan is believed when processes are chosen: it
// is asked for every bot every second.
const planTime = 10 * time.Second

// plans knows what tenants' plans ask of the processes of their bots. It is safe
// for concurrent use.
type plans struct {
	billing interface {
		Subscription(ctx context.Context, tenantID string) (billing.Standing, error)
	}
	now func() time.Time

	mu    sync.Mutex
	known map[string]planned
}

// planned is what a plan said at a time: what bots must have at least, and what
// they may have by their tenant's wish.
type planned struct {
	least, most catalog.Isolation
	at          time.Time
}

// isolation returns the isolation that the bots of a tenant have whose wish is
// one: after a downgrade it may be above what the plan allows.
func (p *plans) isolation(ctx context.Context, tenantID string, wish catalog.Isolation) (catalog.Isolation, error) {
	plan, err := p.plan(ctx, tenantID)
	return wish.AtMost(plan.most).Stricter(plan.least), err
}

func (p *plans) plan(ctx context.Context, tenantID string) (planned, error) {
	p.mu.Lock()
	last, ok := p.known[tenantID]
	p.mu.Unlock()
	if ok && p.now().Sub(last.at) < planTime {
		return last, nil
	}
	standing, err := p.billing.Subscription(ctx, tenantID)
	if err != nil && !errors.Is(err, billing.ErrNoSubscription) {
		return planned{}, err
	}
	terms := standing.Terms.Entitlements
	now := planned{least: catalog.Isolation(terms.Isolation), most: catalog.Isolation(terms.Isolable()), at: p.now()}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.known[tenantID] = now
	return now, nil
}

// forget makes a tenant's plan be asked for anew, because it was changed.
func (p *plans) forget(tenantID string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.known, tenantID)
}
