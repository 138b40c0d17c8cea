package lease_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/lease"
	"github.com/lunobot/lunobot/saas/saasdb"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// clock is a clock that stands still until it is moved.
type clock struct{ micros atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.micros.Store(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).UnixMicro())
	return c
}

func (c *clock) Now() time.Time          { return time.UnixMicro(c.micros.Load()).UTC() }
func (c *clock) forward(d time.Duration) { c.micros.Add(d.Microseconds()) }
func job(i int) lease.Resource {
	return lease.Resource{Kind: "job", TenantID: fmt.Sprint("t", i%3), ID: fmt.Sprint("j", i)}
}
func each(t *testing.T, fn func(t *testing.T, s lease.Store)) {
	t.Helper()
	dbtest.Each(t, []db.MigrationSet{saasdb.Migrations()}, func(t *testing.T, d *db.DB) { fn(t, saasdb.New(d)) })
}

func jobs(n int) []lease.Resource {
	list := make([]lease.Resource, n)
	for i := range list {
		list[i] = job(i)
	}
	return list
}

// keeper starts a keeper.
func keeper(t *testing.T, s lease.Store, holder string, c *clock) *lease.Keeper {
	t.Helper()
	k, err := lease.NewKeeper(lease.KeeperConfig{Holder: holder, Now: c.Now, Store: s})
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return k
}

func acquire(t *testing.T, k *lease.Keeper, candidates []lease.Resource, limit, want int) []lease.Lease {
	t.Helper()
	got, err := k.Acquire(t.Context(), candidates, limit)
	if err != nil || len(got) != want {
		t.Fatalf("%s took %d leases, %v; want %d", k.Holder().Name, len(got), err, want)
	}
	return got
}

func lost(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, lease.ErrLost) || errs.KindOf(err) != errs.Conflict {
		t.Errorf("got %v, want lease_lost", err)
	}
}

func TestLeasesHaveOneHolder(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s lease.Store) {
		c := newClock()
		a, b := keeper(t, s, "a", c), keeper(t, s, "b", c)
		first := acquire(t, a, jobs(10), 4, 4)
		rest := acquire(t, b, jobs(10), 100, 6)
		acquire(t, a, jobs(10), 100, 0)
		seen := map[lease.Resource]bool{}
		for _, l := range append(first, rest...) {
			if seen[l.Resource] || l.Epoch != 1 || !l.ExpiresAt.Equal(c.Now().Add(10*time.Second)) {
				t.Errorf("lease %+v", l)
			}
			seen[l.Resource] = true
		}
		if err := a.Release(t.Context(), first...); err != nil {
			t.Fatal(err)
		}
		lost(t, s.CheckLease(t.Context(), first[0]))
		if len(a.Held()) != 0 || a.Left(first[0]) != 0 {
			t.Error("the keeper still holds what it gave back")
		}
		for _, l := range acquire(t, b, jobs(10), 100, 4) {
			if l.Epoch != 2 {
				t.Errorf("epoch %d after a change of hands, want 2", l.Epoch)
			}
		}
		if err := a.Release(t.Context(), first...); err != nil {
			t.Fatal(err)
		}
		if lost, err := b.Renew(t.Context()); err != nil || len(lost) != 0 {
			t.Errorf("releasing twice took %v from the next holder, %v", lost, err)
		}
	})
}

// proves T5: a worker that was frozen past its lease is fenced off.
func TestFrozenHolderIsFencedOff(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s lease.Store) {
		ctx := t.Context()
		c := newClock()
		frozen, other := keeper(t, s, "frozen", c), keeper(t, s, "other", c)
		mine := acquire(t, frozen, jobs(2), 2, 2)
		c.forward(4 * time.Second)
		if lost, err := frozen.Renew(ctx); err != nil || len(lost) != 0 || frozen.Left(mine[0]) != 10*time.Second {
			t.Fatalf("after a renewal: lost %v, %v, left %s", lost, err, frozen.Left(mine[0]))
		}
		c.forward(9 * time.Second)
		acquire(t, other, jobs(2), 2, 0)
		if err := s.CheckLease(ctx, mine[0]); err != nil {
			t.Fatal(err)
		}
		c.forward(time.Second)
		if frozen.Left(mine[0]) != 0 {
			t.Error("a lease that ended is not over")
		}
		taken := acquire(t, other, []lease.Resource{mine[0].Resource}, 2, 1)
		lost(t, s.CheckLease(ctx, mine[0]))
		if err := s.CheckLease(ctx, taken[0]); err != nil {
			t.Fatal(err)
		}
		gone, err := frozen.Renew(ctx) // it wakes up
		if err != nil || len(gone) != 1 || gone[0].Resource != mine[0].Resource {
			t.Fatalf("lost %+v, %v; want the one that was taken", gone, err)
		}
		if frozen.Left(mine[1]) != 10*time.Second {
			t.Error("a lease that nobody took was not renewed")
		}
		if err := s.CheckLease(ctx, mine[1]); err != nil {
			t.Error(err)
		}
	})
}

func TestRestartTakesItsOwnLeasesAtOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s lease.Store) {
		ctx := t.Context()
		c := newClock()
		old, other := keeper(t, s, "server", c), keeper(t, s, "other", c)
		mine := acquire(t, old, jobs(3), 3, 3)
		fresh := keeper(t, s, "server", c) // killed and started again
		if h := fresh.Holder(); h.Incarnation != 2 {
			t.Errorf("incarnation %d, want 2", h.Incarnation)
		}
		acquire(t, other, jobs(3), 3, 0)
		for _, l := range acquire(t, fresh, jobs(3), 3, 3) {
			if l.Epoch != 2 {
				t.Errorf("epoch %d, want 2", l.Epoch)
			}
		}
		lost(t, s.CheckLease(ctx, mine[0]))
		// A second process of the name that still runs finds out at once, and is not
		// ready any more.
		if old.Ready() != nil {
			t.Errorf("it is not ready before it could know: %v", old.Ready())
		}
		gone, err := old.Renew(ctx)
		if !errors.Is(err, lease.ErrSuperseded) || len(gone) != 3 || len(old.Held()) != 0 {
			t.Errorf("the older incarnation lost %d leases, %v", len(gone), err)
		}
		if _, err := old.Acquire(ctx, jobs(9), 9); !errors.Is(err, lease.ErrSuperseded) {
			t.Errorf("the older incarnation may still take leases: %v", err)
		}
		if err := old.Ready(); errs.KindOf(err) != errs.Unavailable || errs.CodeOf(err) != "worker_replaced" || fresh.Ready() != nil {
			t.Errorf("the older incarnation: %v, the newer: %v", err, fresh.Ready())
		}
		if gone, err := fresh.Renew(ctx); err != nil || len(gone) != 0 {
			t.Errorf("the newer incarnation lost %v, %v", gone, err)
		}
	})
}

// outage is a store whose renewals can be made to fail.
type outage struct {
	lease.Store
	err atomic.Pointer[error]
}

func (o *outage) RenewLeases(ctx context.Context, h lease.Holder, until time.Time) ([]lease.Lease, error) {
	if err := o.err.Load(); err != nil {
		return nil, *err
	}
	return o.Store.RenewLeases(ctx, h, until)
}

// takenTwice loses the answer of the first taking.
type takenTwice struct {
	lease.Store
	once sync.Once
}

func (s *takenTwice) TakeLeases(ctx context.Context, t lease.Take) (got []lease.Lease, err error) {
	got, err = s.Store.TakeLeases(ctx, t)
	s.once.Do(func() { got, err = nil, errors.New("the answer was lost") })
	return got, err
}

func TestOutageLosesLeasesAsTheyEnd(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s lease.Store) {
		c := newClock()
		down := &outage{Store: s}
		k := keeper(t, down, "a", c)
		acquire(t, k, jobs(1), 1, 1)
		c.forward(5 * time.Second)
		acquire(t, k, jobs(2), 1, 1)
		boom := errors.New("no database")
		down.err.Store(&boom)
		for _, want := range []int{0, 1, 1} {
			gone, err := k.Renew(t.Context())
			if !errors.Is(err, boom) || len(gone) != want {
				t.Errorf("lost %d leases, %v; want %d", len(gone), err, want)
			}
			c.forward(5 * time.Second)
		}
		down.err.Store(nil)
		if gone, err := k.Renew(t.Context()); err != nil || len(gone) != 0 || len(k.Held()) != 0 {
			t.Errorf("afterwards: lost %v, %v", gone, err)
		}
		// What was given up here was given back there as well.
		acquire(t, keeper(t, s, "b", c), jobs(2), 2, 2)
	})
}

func TestLeaseWithoutAnswerIsGivenBack(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s lease.Store) {
		c := newClock()
		k := keeper(t, &takenTwice{Store: s}, "a", c)
		if _, err := k.Acquire(t.Context(), jobs(1), 1); err == nil {
			t.Fatal("no error")
		}
		b := keeper(t, s, "b", c)
		acquire(t, b, jobs(1), 1, 0)
		if gone, err := k.Renew(t.Context()); err != nil || len(gone) != 0 {
			t.Fatal(gone, err)
		}
		acquire(t, b, jobs(1), 1, 1)
	})
}

// Several keepers take, renew, freeze and give back at random: no epoch of a
// resource is ever handed out twice, and only the newest one passes.
func TestNoTwoHoldersOfAnEpoch(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s lease.Store) {
		var mu sync.Mutex
		handed := map[lease.Resource]map[int64]string{}
		var wg sync.WaitGroup
		c := newClock()
		for w := range 4 {
			k := keeper(t, s, fmt.Sprint("worker-", w), c)
			rng := rand.New(rand.NewPCG(1, uint64(w)))
			wg.Go(func() {
				for range 40 {
					switch rng.IntN(4) {
					case 0, 1:
						got, err := k.Acquire(t.Context(), jobs(12), 1+rng.IntN(6))
						if err != nil {
							t.Error(err)
							return
						}
						mu.Lock()
						for _, l := range got {
							if handed[l.Resource] == nil {
								handed[l.Resource] = map[int64]string{}
							}
							if who := handed[l.Resource][l.Epoch]; who != "" {
								t.Errorf("epoch %d of %s went to %s and to %s", l.Epoch, l.ID, who, k.Holder().Name)
							}
							handed[l.Resource][l.Epoch] = k.Holder().Name
						}
						mu.Unlock()
					case 2:
						if _, err := k.Renew(t.Context()); err != nil {
							t.Error(err)
							return
						}
						c.forward(6 * time.Second)
					case 3:
						if held := k.Held(); len(held) > 0 {
							if err := k.Release(t.Context(), held[:1+rng.IntN(len(held))]...); err != nil {
								t.Error(err)
								return
							}
						}
					}
				}
			})
		}
		wg.Wait()
		changes := 0
		for r, epochs := range handed {
			valid := 0
			for epoch := range epochs {
				changes++
				if s.CheckLease(t.Context(), lease.Lease{Resource: r, Epoch: epoch}) == nil {
					valid++
				}
			}
			if valid > 1 {
				t.Errorf("%d epochs of %s are valid", valid, r.ID)
			}
		}
		if changes < 20 {
			t.Errorf("only %d changes of hands: the test shows little", changes)
		}
	})
}

func TestRunTellsOfLostLeases(t *testing.T) {
	s := saasdb.New(dbtest.SQLite(t, saasdb.Migrations()))
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	c := newClock()
	k, err := lease.NewKeeper(lease.KeeperConfig{Holder: "a", Now: c.Now, Store: s, RenewEvery: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := acquire(t, k, jobs(2), 2, 2)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	told := make(chan []lease.Lease, 1)
	ended := make(chan error, 1)
	go func() { ended <- k.Run(ctx, func(l []lease.Lease) { told <- l }) }()
	if err := s.ReleaseLeases(t.Context(), k.Holder(), got[:1]); err != nil {
		t.Fatal(err)
	}
	if l := <-told; len(l) != 1 || l[0].Resource != got[0].Resource {
		t.Errorf("told of %v", l)
	}
	if _, err := s.StartHolder(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if l := <-told; len(l) != 1 || l[0].Resource != got[1].Resource {
		t.Errorf("told of %v", l)
	}
	if err := <-ended; !errors.Is(err, lease.ErrSuperseded) {
		t.Errorf("Run ended with %v", err)
	}
	cancel()
	if err := k.Run(ctx, nil); err != nil {
		t.Errorf("Run ended with %v after its context", err)
	}
}

func TestNewKeeperNamesEveryFault(t *testing.T) {
	t.Parallel()
	_, err := lease.NewKeeper(lease.KeeperConfig{TTL: time.Second, RenewEvery: time.Second})
	for _, want := range []string{"Holder", "Now", "Store", "TTL"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
}
