package billingdb_test

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/billing"
	"github.com/lunobot/lunobot/billing/billingdb"
	"github.com/lunobot/lunobot/billing/billingtest"
	"github.com/lunobot/lunobot/saas/db"
)

// twice opens the same database with two handles, as two processes do.
func twice(t *testing.T, fn func(t *testing.T, a, b *bench)) {
	t.Helper()
	for name, url := range databases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := url(t)
			one, two := openURL(t, at), openURL(t, at)
			fn(t, &bench{Bench: billingtest.NewBench(t, billingdb.New(one), one, nil), d: one},
				&bench{Bench: billingtest.NewBench(t, billingdb.New(two), two, nil), d: two})
		})
	}
}

func TestGateConcurrent(t *testing.T) {
	t.Parallel()
	twice(t, func(t *testing.T, a, b *bench) { // proves E1, E2, E3, E6
		ctx := t.Context()
		a.Tenant(t, "t", "basic")
		must(t, a.d.Exec(ctx, "CREATE TABLE bots (id TEXT PRIMARY KEY)"))
		codes := billingtest.Storm(100, func(i int) error {
			of := []*bench{a, b}[i%2]
			return of.d.Write(ctx, "t", func(ctx context.Context, tx bun.IDB) error {
				id := strconv.Itoa(i)
				if err := of.Gate().Reserve(ctx, "t", bot(id), pair("XBTMYR", id)); err != nil {
					return err
				}
				_, err := tx.NewRaw("INSERT INTO bots VALUES (?)", id).Exec(ctx)
				return err
			})
		})
		if want := map[string]int{"": 3, billing.CodeLimitExceeded: 97}; !maps.Equal(codes, want) {
			t.Errorf("outcomes = %v, want %v", codes, want)
		}
		rows := 0
		must(t, a.d.Read(ctx, "t", func(ctx context.Context, tx bun.IDB) error {
			return tx.NewRaw("SELECT count(*) FROM bots").Scan(ctx, &rows)
		}))
		if rows != 3 {
			t.Errorf("there are %d bots, want 3", rows)
		}
		a.wantUsed(t, "t", 3, 0, 1)
	})
}

// Wants of several features in any order, in several calls of a transaction,
// never wait for each other in a circle.
func TestGateDoesNotDeadlock(t *testing.T) {
	t.Parallel()
	twice(t, func(t *testing.T, a, b *bench) {
		ctx := t.Context()
		a.Tenant(t, "t", "enterprise")
		codes := billingtest.Storm(60, func(i int) error {
			of := []*bench{a, b}[i%2]
			id := strconv.Itoa(i % 5)
			wants := []billing.Want{bot(id), running(id), pair("P"+id, id)}
			first := i % 3
			return of.d.Tx(ctx, "t", func(ctx context.Context) error {
				for k := range wants {
					do := of.Gate().Reserve
					if (i/3+k)%2 == 1 {
						do = of.Gate().Release
					}
					if err := do(ctx, "t", wants[(first+k)%3], wants[(first+k+1)%3]); err != nil {
						return err
					}
				}
				return nil
			})
		})
		if want := map[string]int{"": 60}; !maps.Equal(codes, want) {
			t.Errorf("outcomes = %v, want %v", codes, want)
		}
		if n, err := a.Gate().Repair(ctx, "t"); err != nil || n != 0 {
			t.Errorf("repair found %d wrong counters, %v", n, err)
		}
	})
}

// waiting returns when another transaction waits for a lock of b's database.
// It looks from outside of any transaction, in which PostgreSQL would go on
// showing what it showed first. On SQLite nothing can be seen, and nothing
// needs to be: the transaction under way is the only writer.
func (b *bench) waiting(ctx context.Context) error {
	if b.d.Dialect() == db.SQLite {
		return nil
	}
	for n := 0; n == 0; {
		err := b.d.Read(ctx, "t", func(ctx context.Context, tx bun.IDB) error {
			return tx.NewRaw("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'").Scan(ctx, &n)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// A create that meets an uncommitted downgrade waits for it and is judged by
// the lower limit; a downgrade that meets an uncommitted create waits for it.
func TestGateAgainstDowngrade(t *testing.T) {
	t.Parallel()
	twice(t, func(t *testing.T, a, b *bench) { // proves E4
		outside, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		down := billing.ChangePlanInput{Plan: "free", Actor: "me", Immediately: true}
		a.Tenant(t, "t", "basic")
		must(t, a.Gate().Reserve(outside, "t", bot("1")))

		created := make(chan error, 1)
		must(t, a.d.Tx(outside, "t", func(ctx context.Context) error {
			if _, err := a.ChangePlan(ctx, "t", down); err != nil {
				return err
			}
			go func() { created <- b.Gate().Reserve(outside, "t", bot("2")) }()
			return b.waiting(outside)
		}))
		if err := <-created; err == nil {
			t.Error("the create won against the downgrade that was before it")
		}
		a.wantUsed(t, "t", 1, 0, 0)

		a.Tenant(t, "t", "basic")
		downgraded := make(chan error, 1)
		must(t, a.d.Tx(outside, "t", func(ctx context.Context) error {
			if err := a.Gate().Reserve(ctx, "t", bot("2")); err != nil {
				return err
			}
			go func() {
				change, err := b.ChangePlan(outside, "t", down)
				if err == nil && b.used(t, "t")[billing.Bots] != 2 {
					err = fmt.Errorf("the downgrade at %s did not see the create before it", change.EffectiveAt)
				}
				downgraded <- err
			}()
			return b.waiting(outside)
		}))
		must(t, <-downgraded)
		if err := a.Gate().Reserve(outside, "t", bot("3")); err == nil {
			t.Error("a create after the downgrade won")
		}
	})
}

func TestEnrolConcurrently(t *testing.T) {
	t.Parallel()
	twice(t, func(t *testing.T, a, b *bench) { // proves W19
		codes := billingtest.Storm(20, func(i int) error { return []*bench{a, b}[i%2].Enrol(t.Context(), "t") })
		if codes[""] != 20 {
			t.Errorf("outcomes = %v", codes)
		}
		if n := len(a.Events.Take()) + len(b.Events.Take()); n != 1 {
			t.Errorf("%d subscriptions were started, want 1", n)
		}
	})
}

func TestApplyDueConcurrently(t *testing.T) {
	t.Parallel()
	twice(t, func(t *testing.T, a, b *bench) { // proves I1, I3
		ctx := t.Context()
		for i := range 3 {
			a.Tenant(t, strconv.Itoa(i), "basic")
		}
		at := billingtest.Epoch().AddDate(0, 2, 5)
		codes := billingtest.Storm(8, func(i int) error {
			_, err := []*bench{a, b}[i%2].ApplyDue(ctx, at)
			return err
		})
		if codes[""] != 8 {
			t.Errorf("outcomes = %v", codes)
		}
		for i := range 3 {
			list, err := a.Invoices(ctx, strconv.Itoa(i))
			must(t, err)
			if len(list) != 3 || list[0].Number != 3 || list[2].Number != 1 {
				t.Errorf("tenant %d has %d invoices: %+v", i, len(list), list)
			}
		}
	})
}
