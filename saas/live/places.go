package live

import (
	"sync"

	"github.com/lunobot/lunobot/saas/errs"
)

// DefaultPlaces is how many streams a tenant may have open on a server that is
// not told otherwise.
const DefaultPlaces = 50

// Places counts the streams that each tenant has open, by pages and API together,
// so that no tenant takes up a server's connections. It is safe for concurrent
// use; make it with NewPlaces.
type Places struct {
	most int

	mu    sync.Mutex
	taken map[string]int
}

// NewPlaces returns places for that many streams of each tenant, at least one.
func NewPlaces(most int) *Places { return &Places{most: max(1, most), taken: map[string]int{}} }

// Enter takes a place for a tenant, which leave gives back, once. If none is left
// it is a RateLimited error, code "too_many_streams".
func (p *Places) Enter(tenantID string) (leave func(), err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken[tenantID] >= p.most {
		return nil, errs.New(errs.RateLimited, "too_many_streams", "%d streams are open already; close one", p.most).With("retry_after", 5)
	}
	p.taken[tenantID]++
	return sync.OnceFunc(func() { p.leave(tenantID) }), nil
}

func (p *Places) leave(tenantID string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken[tenantID]--; p.taken[tenantID] <= 0 {
		delete(p.taken, tenantID)
	}
}
