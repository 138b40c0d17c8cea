package backtester

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/lunobot/lunobot/saas/lease"
	"github.com/lunobot/lunobot/saas/research"
)

// turns remembers whose turn it was, so that a tenant with many runs does not
// go before one with few.
type turns struct {
	count  int64
	served map[string]int64 // by tenant, the count at its last turn
}

// note notes that a tenant had its turn.
func (t *turns) note(tenantID string) {
	if t.served == nil {
		t.served = map[string]int64{}
	}
	t.count++
	t.served[tenantID] = t.count
}

// next orders the runs that this worker may take: those that may well hang last, else
// those of tenants with the fewest runs at work first, then of those whose last turn is
// longest ago, and of one tenant the oldest. Runs at work elsewhere and queued ones
// that rest are left out; those of an earlier start of this worker are not.
func (t *turns) next(pending []research.Pending, mine map[lease.Resource]bool, me string, now time.Time, hangs research.Hangs) []research.Pending {
	suspect := make(map[string]int, len(pending))
	atWork, waiting := map[string]int{}, map[string]bool{}
	var free []research.Pending
	for _, p := range pending {
		waiting[p.TenantID] = true
		switch held := p.Holder != "" && p.HeldUntil.After(now); {
		case mine[research.Resource(p.TenantID, p.ID)], held && p.Holder != me:
			atWork[p.TenantID]++
		case p.Status == research.Queued && rests(hangs, p, now):
		default:
			free = append(free, p)
			suspect[p.ID] = last(hangs.Suspect(p, now))
		}
	}
	maps.DeleteFunc(t.served, func(tenantID string, _ int64) bool { return !waiting[tenantID] })
	// The n-th waiting run of a tenant comes where the tenant would have so many
	// at work.
	slices.SortFunc(free, func(a, b research.Pending) int { return cmp.Compare(a.ID, b.ID) })
	before := make(map[string]int, len(free))
	for _, p := range free {
		before[p.ID] = atWork[p.TenantID]
		atWork[p.TenantID]++
	}
	slices.SortStableFunc(free, func(a, b research.Pending) int {
		return cmp.Or(cmp.Compare(suspect[a.ID], suspect[b.ID]), cmp.Compare(before[a.ID], before[b.ID]), cmp.Compare(t.served[a.TenantID], t.served[b.TenantID]))
	})
	return free
}

// rests reports whether a run is not begun for now.
func rests(hangs research.Hangs, p research.Pending, now time.Time) bool {
	_, why := hangs.Rest(p.TenantID, p.Strategy, p.Version, now)
	return why != ""
}

// last orders what is true after what is not.
func last(is bool) int {
	if is {
		return 1
	}
	return 0
}
