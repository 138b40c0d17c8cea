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

// planned is what a plan asked for at a time.
type planned struct {
	isolation catalog.Isolation
	at        time.Time
}

// isolation returns what the bots of a tenant must have at least.
func (p *plans) isolation(ctx context.Context, tenantID string) (catalog.Isolation, error) {
	p.mu.Lock()
	last, ok := p.known[tenantID]
	p.mu.Unlock()
	if ok && p.now().Sub(last.at) < planTime {
		return last.isolation, nil
	}
	standing, err := p.billing.Subscription(ctx, tenantID)
	if err != nil && !errors.Is(err, billing.ErrNoSubscription) {
		return "", err
	}
	now := planned{catalog.Isolation(standing.Terms.Entitlements.Isolation), p.now()}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.known[tenantID] = now
	return now.isolation, nil
}
