package account

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/lunobot/lunobot/exchange"
)

// BudgetConfig says whose calls are counted, and where.
type BudgetConfig struct {
	// TenantID and AccountID name the account. Required.
	TenantID, AccountID string
	// Batch is how many calls are asked of the store at once at the most. Defaults
	// to 5.
	Batch int
	// Burst is how many calls may come at once. Defaults to 20.
	Burst int
	// Holder names this worker among those that share the account. Required.
	Holder string
	// Lease is for how long calls that the store gave may be made, and how late a
	// pause is heard of that another worker began. Defaults to a second.
	Lease time.Duration
	// Now is the clock, which all workers should have within a Lease. Required.
	Now func() time.Time
	// PerMinute is how many calls there are in any minute at most, of all workers.
	// Defaults to Luno's limit of 300.
	PerMinute int
	// Reserve is how many calls of a burst are kept for urgent ones. Defaults to
	// half of the burst.
	Reserve int
	// Store is where the account's calls are counted. Required.
	Store TurnStore
}

func (c BudgetConfig) withDefaults() BudgetConfig {
	if c.Batch == 0 {
		c.Batch = 5
	}
	if c.Burst == 0 {
		c.Burst = 20
	}
	if c.Lease == 0 {
		c.Lease = time.Second
	}
	if c.PerMinute == 0 {
		c.PerMinute = 300
	}
	if c.Reserve == 0 {
		c.Reserve = c.Burst / 2
	}
	return c
}

func (c BudgetConfig) validate() error {
	var problems []error
	need := func(ok bool, what string) {
		if !ok {
			problems = append(problems, errors.New("account: BudgetConfig."+what))
		}
	}
	need(c.TenantID != "", "TenantID is required")
	need(c.AccountID != "", "AccountID is required")
	need(c.Holder != "", "Holder is required")
	need(c.Now != nil, "Now is required")
	need(c.Store != nil, "Store is required")
	need(c.Lease > 0 && c.Lease <= 10*time.Second, "Lease must be above 0 and at most 10 s")
	need(c.Burst > 0 && c.Burst < c.PerMinute, "Burst must be above 0 and below PerMinute")
	need(c.Reserve >= 0 && c.Reserve < c.Burst, "Reserve must be at least 0 and below Burst")
	need(c.Batch > 0 && c.Batch <= c.Burst-c.Reserve, "Batch must be above 0 and at most what Burst has beside Reserve")
	return errors.Join(problems...)
}

// Budget is an exchange.Budget that all workers of an account share through a
// store (rule T10). It is safe for concurrent use.
//
// A busy worker gets several calls from the store at once and may make them for
// the length of a lease; what it has not made by then is lost, as it is when it
// dies. So the store is asked less often than the venue, and never gives out more
// than the venue allows. Workers that wait are served by turns, as often as they have bots
// that wait; whose call of a worker is next is its client's matter, which goes by
// bot.
type Budget struct {
	cfg   BudgetConfig
	rates rates
	// asking is held by the call that asks the store; mu never is meanwhile.
	asking chan struct{}

	mu sync.Mutex
	// normal and spare are what the store gave for calls of either kind.
	normal, spare batch
	// paused is when the last pause of this worker's own ends.
	paused time.Time
	// taken is how many calls there were.
	taken int64
}

// batch is what a worker has of the store for one kind of calls.
type batch struct {
	// given is how many calls the store gave last, and left how many of them may
	// still be made, until then.
	given, left int64
	until       time.Time
	// wanted is what the store was asked for and did not give yet; 0 if nothing.
	wanted int64
}

var _ exchange.Budget = (*Budget)(nil)

// NewBudget checks cfg and builds a Budget; the error names every fault.
func NewBudget(cfg BudgetConfig) (*Budget, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	// A bucket lets its burst pass on top of its rate, and what was given before a
	// minute began may be used in it for a lease.
	return &Budget{cfg: cfg, asking: make(chan struct{}, 1), rates: rates{
		burst: int64(cfg.Burst) * oneCall, reserve: int64(cfg.Reserve) * oneCall, spare: int64((cfg.Burst-cfg.Reserve)/2) * oneCall,
		perSecond: int64(float64(cfg.PerMinute-cfg.Burst) * oneCall / (time.Minute + cfg.Lease).Seconds()),
	}}, nil
}

// spareBatch is how many spare calls are asked of the store at once at the most: they are
// given beyond all that is left for others, which is seldom there for many at once.
const spareBatch = 2

// Take implements exchange.Budget. An error is the store's, or ctx's.
func (b *Budget) Take(ctx context.Context, t exchange.Turn) (time.Duration, error) {
	select {
	case b.asking <- struct{}{}:
		defer func() { <-b.asking }()
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	now := b.cfg.Now()
	wait, known, a := b.own(now, t)
	if known {
		return wait, nil
	}
	var got int64
	err := b.cfg.Store.ChangeTurns(ctx, b.cfg.TenantID, b.cfg.AccountID, func(turns Turns) Turns {
		turns, got, wait = turns.take(now, b.rates, a)
		return turns
	})
	if err != nil {
		return 0, fmt.Errorf("asking for a call of account %s: %w", b.cfg.AccountID, err)
	}
	if got > 0 {
		b.given(now, a, got)
	}
	return wait, nil
}

// own takes a call of what the store gave before, or tells how long the pause is; else
// it is not known, and this is what to ask the store for.
func (b *Budget) own(now time.Time, t exchange.Turn) (wait time.Duration, known bool, a ask) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if latest := now.Add(longestPause); b.paused.After(latest) { // the clock was ahead
		b.paused = latest
	}
	if pause := b.paused.Sub(now); pause > 0 {
		return pause, true, ask{}
	}
	own, most := b.batch(t.Spare), int64(b.cfg.Batch)
	if t.Spare {
		most = min(most, spareBatch)
	}
	if own.left > 0 && now.Before(own.until) {
		own.left--
		b.taken++
		return 0, true, ask{}
	}
	a = ask{holder: b.cfg.Holder, calls: 1, bots: int64(max(1, t.Bots)), urgent: t.Urgent, spare: t.Spare}
	if !t.Urgent {
		if own.wanted == 0 {
			own.wanted = own.demand(now, most)
		}
		a.calls = own.wanted
	}
	return 0, false, a
}

// given counts what the store gave, of which one call is made. If a pause has begun
// meanwhile, the others are not.
func (b *Budget) given(now time.Time, a ask, got int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.taken++
	if a.urgent {
		return
	}
	own := b.batch(a.spare)
	if *own = (batch{given: got, left: got - 1, until: now.Add(b.cfg.Lease)}); b.paused.After(now) {
		own.left = 0
	}
}

// batch returns what the store gave for calls of one kind.
func (b *Budget) batch(spare bool) *batch {
	if spare {
		return &b.spare
	}
	return &b.normal
}

// spent returns turns of the same rates from which the calls are taken that were let
// through here.
func (b *Budget) spent(t Turns, now time.Time) Turns {
	b.mu.Lock()
	defer b.mu.Unlock()
	return t.spent(now, b.rates, b.taken)
}

// demand returns how many calls to ask for: twice as many as last time if they
// were used up within the lease, most at the most, and else as many as were used.
func (b *batch) demand(now time.Time, most int64) int64 {
	if b.given > 0 && b.left == 0 && now.Before(b.until) {
		return min(2*b.given, most)
	}
	return max(1, b.given-b.left)
}

// Pause implements exchange.Budget. Calls that other workers were given they may
// make until their lease ends. An error is the store's; this worker pauses even so.
func (b *Budget) Pause(ctx context.Context, d time.Duration) error {
	until := b.cfg.Now().Add(d)
	b.mu.Lock()
	if b.normal.left, b.spare.left = 0, 0; until.After(b.paused) {
		b.paused = until
	}
	b.mu.Unlock()
	err := b.cfg.Store.ChangeTurns(ctx, b.cfg.TenantID, b.cfg.AccountID, func(t Turns) Turns { return t.paused(until) })
	if err != nil {
		return fmt.Errorf("pausing the calls of account %s: %w", b.cfg.AccountID, err)
	}
	return nil
}
