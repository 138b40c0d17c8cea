package luno

import (
	"context"
	"errors"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/lunobot/lunobot/exchange"
)

// BudgetConfig says how many calls an account may make.
type BudgetConfig struct {
	// Burst is how many calls may come at once. Defaults to 20.
	Burst int
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
	// PerMinute is how many calls there are in any minute at most, those of a
	// burst among them. Defaults to Luno's limit of 300.
	PerMinute int
	// Reserve is how many calls of a burst are kept for urgent ones. Defaults to
	// half of the burst.
	Reserve int
}

// Budget is an exchange.Budget for one process. It is safe for concurrent use.
type Budget struct {
	now     func() time.Time
	reserve float64
	// spare is what spare calls leave beside the reserve.
	spare float64

	mu     sync.Mutex
	bucket *rate.Limiter
	// until is when a pause ends.
	until time.Time
}

var _ exchange.Budget = (*Budget)(nil)

// NewBudget returns a budget of which nothing is used; the error names what is
// wrong with cfg.
func NewBudget(cfg BudgetConfig) (*Budget, error) {
	if cfg.PerMinute == 0 {
		cfg.PerMinute = 300
	}
	if cfg.Burst == 0 {
		cfg.Burst = min(20, max(1, cfg.PerMinute/2))
	}
	if cfg.Reserve == 0 {
		cfg.Reserve = cfg.Burst / 2
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Burst < 1 || cfg.PerMinute <= cfg.Burst || cfg.Reserve < 0 || cfg.Reserve >= cfg.Burst {
		return nil, errors.New("luno: of a budget, Burst must be at least 1 and below PerMinute, and Reserve at least 0 and below Burst")
	}
	// A bucket lets its burst pass on top of its rate, so that is lower.
	perSecond := rate.Limit(float64(cfg.PerMinute-cfg.Burst) / 60)
	return &Budget{
		now: cfg.Now, reserve: float64(cfg.Reserve), spare: float64((cfg.Burst - cfg.Reserve) / 2), bucket: rate.NewLimiter(perSecond, cfg.Burst),
	}, nil
}

// Take implements exchange.Budget. It never fails.
func (b *Budget) Take(_ context.Context, t exchange.Turn) (time.Duration, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	if wait := b.until.Sub(now); wait > 0 {
		return wait, nil
	}
	need := 1.0
	if !t.Urgent {
		need += b.reserve
	}
	if t.Spare {
		need += b.spare
	}
	if missing := need - b.bucket.TokensAt(now); missing > 0 {
		return time.Duration(math.Ceil(missing / float64(b.bucket.Limit()) * float64(time.Second))), nil
	}
	b.bucket.AllowN(now, 1)
	return 0, nil
}

// Pause implements exchange.Budget. It never fails.
func (b *Budget) Pause(_ context.Context, d time.Duration) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if until := b.now().Add(d); until.After(b.until) {
		b.until = until
	}
	return nil
}
