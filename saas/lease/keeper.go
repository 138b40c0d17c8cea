package lease

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lunobot/lunobot/saas/errs"
)

// KeeperConfig says how a Keeper works.
type KeeperConfig struct {
	// Holder is the worker's name: the same after a restart, different from
	// every other worker's; such as "server:" and an id that lies in its data
	// folder. Required.
	Holder string
	// Log is where a failing renewal is told of. Defaults to no log.
	Log *slog.Logger
	// Now is the clock. Required.
	Now func() time.Time
	// RenewEvery is the time between two renewals in Run. Defaults to 3 s.
	RenewEvery time.Duration
	// Store keeps the leases. Required.
	Store Store
	// TTL is how long a lease lasts without renewal. Defaults to 10 s.
	TTL time.Duration
}

func (c KeeperConfig) withDefaults() KeeperConfig {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.RenewEvery == 0 {
		c.RenewEvery = 3 * time.Second
	}
	if c.TTL == 0 {
		c.TTL = 10 * time.Second
	}
	return c
}

func (c KeeperConfig) validate() error {
	var problems []error
	if c.Holder == "" {
		problems = append(problems, errors.New("lease: KeeperConfig.Holder is required"))
	}
	if c.Now == nil {
		problems = append(problems, errors.New("lease: KeeperConfig.Now is required"))
	}
	if c.Store == nil {
		problems = append(problems, errors.New("lease: KeeperConfig.Store is required"))
	}
	if c.RenewEvery <= 0 || c.TTL < 2*c.RenewEvery {
		problems = append(problems, fmt.Errorf("lease: KeeperConfig.TTL (%s) must be at least twice RenewEvery (%s)", c.TTL, c.RenewEvery))
	}
	return errors.Join(problems...)
}

// Keeper holds the leases of one worker. It is safe for concurrent use.
type Keeper struct {
	cfg KeeperConfig

	// step serialises what changes the holder's rows, so that a renewal never
	// meets a lease that is being taken and not known here yet.
	step   sync.Mutex
	holder Holder

	mu   sync.Mutex
	held map[Resource]Lease
	// replaced is true once another process was found to have the name.
	replaced bool
}

// NewKeeper checks cfg and builds a Keeper; the error names every fault.
func NewKeeper(cfg KeeperConfig) (*Keeper, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	return &Keeper{cfg: cfg, held: map[Resource]Lease{}}, nil
}

// Start counts this start of the holder: from now on it may take over what its
// earlier incarnations held. Call it once, before anything else.
func (k *Keeper) Start(ctx context.Context) error {
	k.step.Lock()
	defer k.step.Unlock()
	h, err := k.cfg.Store.StartHolder(ctx, k.cfg.Holder)
	if err != nil {
		return fmt.Errorf("starting lease holder %s: %w", k.cfg.Holder, err)
	}
	k.holder = h
	return nil
}

// Holder returns the name and the incarnation; the incarnation is 0 before
// Start.
func (k *Keeper) Holder() Holder {
	k.step.Lock()
	defer k.step.Unlock()
	return k.holder
}

// Ready reports why the Keeper gets no lease any more; nil if it may. Once another
// process has started under the holder's name it is Unavailable, code
// "worker_replaced", for good: a load balancer must see that this process works
// no more though it answers.
func (k *Keeper) Ready() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.replaced {
		return nil
	}
	return errs.New(errs.Unavailable, "worker_replaced",
		"its worker was replaced: another process of the same name was started after it and has its work; stop one of the two").
		Wrap(fmt.Errorf("lease holder %s: %w", k.cfg.Holder, ErrSuperseded))
}

// superseded notes, from what the store answered, that the name has another
// process, and reports it.
func (k *Keeper) superseded(err error) bool {
	if !errors.Is(err, ErrSuperseded) {
		return false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.replaced = true
	return true
}

// Acquire takes at most limit of the candidates that nobody else holds, and
// returns those that it took. Candidates that the Keeper holds already are
// passed over.
func (k *Keeper) Acquire(ctx context.Context, candidates []Resource, limit int) ([]Lease, error) {
	k.step.Lock()
	defer k.step.Unlock()
	wanted := make([]Resource, 0, len(candidates))
	k.mu.Lock()
	for _, r := range candidates {
		if _, mine := k.held[r]; !mine {
			wanted = append(wanted, r)
		}
	}
	k.mu.Unlock()
	if len(wanted) == 0 || limit <= 0 {
		return nil, nil
	}
	slices.SortFunc(wanted, compare)
	ctx, cancel := k.bounded(ctx)
	defer cancel()
	now := k.cfg.Now()
	got, err := k.cfg.Store.TakeLeases(ctx, Take{
		Holder: k.holder, Resources: slices.Compact(wanted), Limit: limit, Now: now, Until: now.Add(k.cfg.TTL),
	})
	if err != nil {
		k.superseded(err)
		return nil, fmt.Errorf("taking leases for %s: %w", k.cfg.Holder, err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, l := range got {
		k.held[l.Resource] = l
	}
	return got, nil
}

// Renew renews all leases that the Keeper holds, and returns those that were
// lost: taken by somebody else, or all of them if the holder was superseded.
// While the store does not answer, leases are lost as they end. The caller must
// stop the work on lost leases at once; whatever it still writes is refused by
// its epoch.
func (k *Keeper) Renew(ctx context.Context) (lost []Lease, err error) {
	k.step.Lock()
	defer k.step.Unlock()
	ctx, cancel := k.bounded(ctx)
	defer cancel()
	// The end is counted from before the call: a slow answer shortens what we
	// believe to hold and never lengthens it.
	now := k.cfg.Now()
	rows, err := k.cfg.Store.RenewLeases(ctx, k.holder, now.Add(k.cfg.TTL))
	superseded := k.superseded(err)
	if err != nil {
		err = fmt.Errorf("renewing leases of %s: %w", k.cfg.Holder, err)
	}
	renewed := make(map[Resource]Lease, len(rows))
	for _, l := range rows {
		renewed[l.Resource] = l
	}
	k.mu.Lock()
	after := k.cfg.Now()
	for r, l := range k.held {
		fresh, ok := renewed[r]
		switch {
		case err == nil && ok && fresh.Epoch == l.Epoch:
			k.held[r] = fresh
		case err == nil, superseded, !l.ExpiresAt.After(after):
			lost = append(lost, l)
			delete(k.held, r)
		}
	}
	var stray []Lease // taken by a call whose answer never arrived
	for r, l := range renewed {
		if mine, ok := k.held[r]; !ok || mine.Epoch != l.Epoch {
			stray = append(stray, l)
		}
	}
	k.mu.Unlock()
	slices.SortFunc(lost, func(a, b Lease) int { return compare(a.Resource, b.Resource) })
	if len(stray) > 0 {
		err = errors.Join(err, k.release(ctx, stray))
	}
	return lost, err
}

// Release gives leases back at once, so that others need not wait for their
// end.
func (k *Keeper) Release(ctx context.Context, leases ...Lease) error {
	if len(leases) == 0 {
		return nil
	}
	k.step.Lock()
	defer k.step.Unlock()
	k.mu.Lock()
	for _, l := range leases {
		if k.held[l.Resource].Epoch == l.Epoch {
			delete(k.held, l.Resource)
		}
	}
	k.mu.Unlock()
	ctx, cancel := k.bounded(ctx)
	defer cancel()
	return k.release(ctx, leases)
}

func (k *Keeper) release(ctx context.Context, leases []Lease) error {
	if err := k.cfg.Store.ReleaseLeases(ctx, k.holder, leases); err != nil {
		return fmt.Errorf("releasing leases of %s: %w", k.cfg.Holder, err)
	}
	return nil
}

// Held returns the leases that the Keeper believes to hold, sorted by resource.
func (k *Keeper) Held() []Lease {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.SortedFunc(maps.Values(k.held), func(a, b Lease) int { return compare(a.Resource, b.Resource) })
}

// Left returns how long a lease lasts without another renewal, by the clock of
// the Keeper; 0 if it has ended or is not held any more. An order may be sent
// only if it reaches the venue within that time (rule T5).
func (k *Keeper) Left(l Lease) time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	mine, ok := k.held[l.Resource]
	if !ok || mine.Epoch != l.Epoch {
		return 0
	}
	return max(0, mine.ExpiresAt.Sub(k.cfg.Now()))
}

// Run renews the leases until ctx ends and tells onLost of those that were
// lost. It returns nil when ctx ends, and ErrSuperseded, after onLost, if
// another process took the holder's name. It does not release: the caller does,
// once the work has stopped.
func (k *Keeper) Run(ctx context.Context, onLost func(lost []Lease)) error {
	tick := time.NewTicker(k.cfg.RenewEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		lost, err := k.Renew(ctx)
		if ctx.Err() != nil && len(lost) == 0 {
			return nil
		}
		if len(lost) > 0 {
			onLost(lost)
		}
		if errors.Is(err, ErrSuperseded) {
			return err
		}
		if err != nil {
			k.cfg.Log.WarnContext(ctx, "leases were not renewed", "holder", k.cfg.Holder, "error", err)
		}
	}
}

// bounded bounds a call of the store by the time between two renewals, so that
// a store that hangs cannot hide that leases have ended.
func (k *Keeper) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, k.cfg.RenewEvery)
}

func compare(a, b Resource) int {
	if c := strings.Compare(a.TenantID, b.TenantID); c != 0 {
		return c
	}
	if c := strings.Compare(string(a.Kind), string(b.Kind)); c != 0 {
		return c
	}
	return strings.Compare(a.ID, b.ID)
}
