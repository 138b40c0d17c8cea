package billingdb_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/uptrace/bun"
	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/billing"
	"github.com/lunobot/lunobot/billing/billingdb"
	"github.com/lunobot/lunobot/billing/billingtest"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/errs"
)

// bench is a Bench with its database.
type bench struct {
	*billingtest.Bench
	d *db.DB
}

// each runs fn on both databases with the default catalog published.
func each(t *testing.T, fn func(t *testing.T, b *bench)) {
	t.Helper()
	dbtest.Each(t, sets(), func(t *testing.T, d *db.DB) {
		fn(t, &bench{Bench: billingtest.NewBench(t, billingdb.New(d), d, nil), d: d})
	})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func bot(id string) billing.Want     { return billing.Want{Feature: billing.Bots, Key: id} }
func running(id string) billing.Want { return billing.Want{Feature: billing.RunningBots, Key: id} }
func pair(p, holder string) billing.Want {
	return billing.Want{Feature: billing.Pairs, Key: p, Holder: holder}
}

func (b *bench) used(t testing.TB, tenantID string) map[billing.Feature]int64 {
	t.Helper()
	list, err := b.Gate().Usage(t.Context(), tenantID)
	must(t, err)
	used := map[billing.Feature]int64{}
	for _, u := range list {
		used[u.Feature] = u.Used
	}
	return used
}

func (b *bench) wantUsed(t testing.TB, tenantID string, bots, runs, pairs int64) {
	t.Helper()
	want := map[billing.Feature]int64{billing.Bots: bots, billing.RunningBots: runs, billing.Pairs: pairs, billing.ExchangeAccounts: 0, billing.RunningBacktests: 0}
	if got := b.used(t, tenantID); !maps.Equal(got, want) {
		t.Errorf("used = %v, want %v", got, want)
	}
}

func TestReserve(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bench) {
		ctx, g := t.Context(), b.Gate()
		b.Tenant(t, "a", "basic")
		b.Tenant(t, "b", "free")
		must(t, g.Reserve(ctx, "a", bot("1"), running("1"), pair("XBTMYR", "1")))
		must(t, g.Reserve(ctx, "a", running("1"), bot("1"), running("1"))) // proves E7: a restart counts once
		must(t, g.Reserve(ctx, "a", bot("2"), pair("XBTMYR", "2")))
		b.wantUsed(t, "a", 2, 1, 1)
		b.wantUsed(t, "b", 0, 0, 0)
		must(t, g.Release(ctx, "a", pair("XBTMYR", "1"), bot("1"), running("1")))
		must(t, g.Release(ctx, "a", pair("XBTMYR", "1"), bot("1"), running("1")))
		b.wantUsed(t, "a", 1, 0, 1)
		must(t, g.Release(ctx, "a", pair("XBTMYR", "2"), bot("never")))
		b.wantUsed(t, "a", 1, 0, 0)
		must(t, g.Release(ctx, "nobody", bot("1")))
	})
}

func TestRefusal(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bench) {
		ctx, g := t.Context(), b.Gate()
		b.Tenant(t, "free", "free")
		b.Tenant(t, "premium", "premium")
		b.Tenant(t, "own", "basic")
		must(t, b.SetOverride(ctx, "own", billing.Override{Feature: billing.Bots, Limit: 1, Author: "op"}))
		for _, id := range []string{"free", "own"} {
			must(t, g.Reserve(ctx, id, bot("1"), running("1"), pair("XBTMYR", "1")))
		}
		for i := range 9 {
			must(t, g.Reserve(ctx, "premium", bot(strconv.Itoa(i))))
		}
		b.Events.Take()
		cases := map[string]struct {
			tenant string
			wants  []billing.Want
			text   string
			meta   map[string]any
		}{
			"one bot too many": {
				"free", []billing.Want{bot("2")}, "Your Free plan allows 1 bot and you have 1. Basic allows 3.",
				map[string]any{"feature": "bots", "limit": int64(1), "used": int64(1), "plan": "free", "upgrade": "basic"},
			},
			"running follows bots": {
				"free", []billing.Want{running("2")}, "Your Free plan allows 1 running bot and you have 1. Basic allows 3.",
				map[string]any{"feature": "running_bots", "limit": int64(1), "used": int64(1), "plan": "free", "upgrade": "basic"},
			},
			"several at once need a larger plan": {
				"free", []billing.Want{pair("1", ""), pair("2", ""), pair("3", ""), pair("4", ""), pair("5", "")},
				"Your Free plan allows 1 trading pair and you have 1. You asked for 5 more. Premium allows 20.",
				map[string]any{"feature": "pairs", "limit": int64(1), "used": int64(1), "plan": "free", "upgrade": "premium"},
			},
			"the largest has no limit": {
				"premium", []billing.Want{bot("x"), bot("y")},
				"Your Premium plan allows 10 bots and you have 9. You asked for 2 more. Enterprise has no such limit.",
				map[string]any{"feature": "bots", "limit": int64(10), "used": int64(9), "plan": "premium", "upgrade": "enterprise"},
			},
			"a limit of the tenant's own is cured by no plan": {
				"own", []billing.Want{bot("2")}, "Your Basic plan allows 1 bot and you have 1.",
				map[string]any{"feature": "bots", "limit": int64(1), "used": int64(1), "plan": "basic"},
			},
		}
		for name, c := range cases {
			t.Run(name, func(t *testing.T) { // proves E6, E9
				before := b.used(t, c.tenant)
				err := g.Reserve(ctx, c.tenant, c.wants...)
				var e *errs.Error
				if !errors.As(err, &e) || e.Kind != errs.LimitExceeded || e.Code != billing.CodeLimitExceeded {
					t.Fatalf("err = %v", err)
				}
				if e.Message != c.text {
					t.Errorf("message = %q, want %q", e.Message, c.text)
				}
				if !reflect.DeepEqual(e.Meta, c.meta) {
					t.Errorf("meta = %v, want %v", e.Meta, c.meta)
				}
				if after := b.used(t, c.tenant); !maps.Equal(before, after) {
					t.Errorf("the refusal changed the use from %v to %v", before, after)
				}
				if types := b.Events.Take(); len(types) != 0 {
					t.Errorf("the refusal left events %v", types)
				}
			})
		}
	})
}

// A refusal of one feature burns no other, even where the caller goes on with
// its transaction.
func TestReserveAllOrNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bench) { // proves E10
		ctx, g := t.Context(), b.Gate()
		b.Tenant(t, "a", "free")
		must(t, g.Reserve(ctx, "a", bot("1"), pair("XBTMYR", "1")))
		must(t, g.Release(ctx, "a", bot("1")))
		must(t, b.d.Tx(ctx, "a", func(ctx context.Context) error {
			err := g.Reserve(ctx, "a", bot("2"), pair("XBTMYR", "2"), pair("ETHMYR", "2"))
			if errs.CodeOf(err) != billing.CodeLimitExceeded {
				t.Errorf("err = %v", err)
			}
			return nil
		}))
		b.wantUsed(t, "a", 0, 0, 1)
		must(t, g.Reserve(ctx, "a", bot("3")))
		must(t, g.Release(ctx, "a", pair("XBTMYR", "1")))
		b.wantUsed(t, "a", 1, 0, 0)
	})
}

func TestGateFailsClosed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bench) { // proves E8
		ctx, g := t.Context(), b.Gate()
		if err := g.Reserve(ctx, "nobody", bot("1")); !errors.Is(err, billing.ErrNoSubscription) {
			t.Errorf("without a subscription: %v", err)
		}
		b.Tenant(t, "a", "basic")
		if err := g.Reserve(ctx, "a", billing.Want{Feature: billing.APICallsPerHour, Key: "1"}); errs.KindOf(err) != errs.Internal {
			t.Errorf("a feature that is not counted: %v", err)
		}
		if err := g.Reserve(ctx, "a", billing.Want{Feature: billing.Bots}); errs.KindOf(err) != errs.Internal {
			t.Errorf("a want without a key: %v", err)
		}
		must(t, b.d.System(ctx, "breaking", func(ctx context.Context, tx bun.IDB) error {
			_, err := tx.NewRaw("DROP TABLE billing_holds").Exec(ctx)
			return err
		}))
		err := g.Reserve(ctx, "a", bot("1"))
		if errs.KindOf(err) != errs.Unavailable || errs.CodeOf(err) != "limits_unavailable" {
			t.Errorf("with a broken store: %v", err)
		}
		b.wantUsed(t, "a", 0, 0, 0)
	})
}

func TestAccess(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bench) { // proves W17
		ctx, g := t.Context(), b.Gate()
		b.Tenant(t, "a", "premium")
		must(t, g.Reserve(ctx, "a", bot("1")))
		b.Events.Take()
		in := billing.SetStatusInput{Status: billing.StatusPastDue, GraceUntil: b.Clock.Now().Add(time.Hour), Actor: "op"}
		must(t, b.SetStatus(ctx, "a", in))
		must(t, b.SetStatus(ctx, "a", in))
		if got := b.Events.Take(); !reflect.DeepEqual(got, []string{billing.EventSubscriptionStatus}) {
			t.Errorf("events = %v", got)
		}
		must(t, g.Reserve(ctx, "a", bot("2")))
		must(t, g.Require(ctx, "a", billing.NeedAPIAccess))
		b.Clock.Move(time.Hour)
		for _, err := range []error{
			g.Reserve(ctx, "a", bot("3")),
			g.Require(ctx, "a", billing.NeedAPIAccess),
			func() error {
				_, err := b.ChangePlan(ctx, "a", billing.ChangePlanInput{Plan: "enterprise", Actor: "me"})
				return err
			}(),
		} {
			if errs.KindOf(err) != errs.Forbidden || errs.CodeOf(err) != "subscription_inactive" {
				t.Errorf("after the grace: %v", err)
			}
		}
		must(t, g.Release(ctx, "a", bot("1")))
		b.wantUsed(t, "a", 1, 0, 0)
	})
}

func TestRequire(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bench) {
		ctx, g := t.Context(), b.Gate()
		b.Tenant(t, "a", "basic")
		must(t, g.Require(ctx, "a", billing.NeedBasicBacktests, billing.NeedChannel(billing.SMS)))
		err := g.Require(ctx, "a", billing.NeedBasicBacktests, billing.NeedAdvancedBacktests)
		var e *errs.Error
		if !errors.As(err, &e) || e.Code != billing.CodeNotInPlan || e.Meta["upgrade"] != "premium" ||
			e.Message != "Your Basic plan does not include advanced backtests. Premium does." {
			t.Errorf("err = %v", err)
		}
		if limit, err := g.Limit(ctx, "a", billing.APICallsPerHour); err != nil || limit != 1000 {
			t.Errorf("limit = %v, %v", limit, err)
		}
	})
}

// A plan that says nothing of backtests allows what its level does.
func TestBacktestLimits(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bench) {
		ctx, g := t.Context(), b.Gate()
		run := func(id string) billing.Want { return billing.Want{Feature: billing.RunningBacktests, Key: id} }
		refused := func(err error, message string) {
			t.Helper()
			var e *errs.Error
			if !errors.As(err, &e) || e.Kind != errs.LimitExceeded || e.Message != message {
				t.Errorf("err = %v, want %s", err, message)
			}
		}
		b.Tenant(t, "a", "free")
		refused(g.Require(ctx, "a", billing.NeedBasicBacktests), "Your Free plan does not include backtests. Basic does.")
		refused(g.Reserve(ctx, "a", run("1")), "Your Free plan allows 0 backtests at a time and you have 0. Basic allows 1.")
		_, err := b.ChangePlan(ctx, "a", billing.ChangePlanInput{Plan: "basic", Actor: "test"})
		must(t, err)
		must(t, g.Reserve(ctx, "a", run("1")))
		refused(g.Reserve(ctx, "a", run("2")), "Your Basic plan allows 1 backtest at a time and you have 1. Premium allows 4.")
		must(t, g.Fit(ctx, "a", billing.BacktestDays, 366))
		refused(g.Fit(ctx, "a", billing.BacktestDays, 367), "Your Basic plan allows 366 days of data in a backtest and you asked for 367. Premium allows 3,653.")
		_, err = b.ChangePlan(ctx, "a", billing.ChangePlanInput{Plan: "premium", Actor: "test"})
		must(t, err)
		must(t, g.Reserve(ctx, "a", run("2"), run("3"), run("4")))
		refused(g.Reserve(ctx, "a", run("5")), "Your Premium plan allows 4 backtests at a time and you have 4.")
		must(t, g.Fit(ctx, "a", billing.BacktestDays, 3653))
		must(t, b.SetOverride(ctx, "a", billing.Override{Feature: billing.RunningBacktests, Limit: 5, Author: "op", Reason: "a trial"}))
		must(t, g.Reserve(ctx, "a", run("5")))
	})
}

func TestOverrideExpires(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bench) { // proves E11
		ctx, g := t.Context(), b.Gate()
		b.Tenant(t, "a", "free")
		o := billing.Override{Feature: billing.Bots, Limit: 2, Author: "op", Reason: "a trial", ExpiresAt: b.Clock.Now().Add(time.Hour)}
		must(t, b.SetOverride(ctx, "a", o))
		must(t, g.Reserve(ctx, "a", bot("1"), bot("2"), running("1"), running("2")))
		b.Clock.Move(time.Hour)
		err := g.Reserve(ctx, "a", bot("3"))
		if want := "Your Free plan allows 1 bot and you have 2. Basic allows 3."; errs.CodeOf(err) != billing.CodeLimitExceeded ||
			errors.Unwrap(err).Error() != want {
			t.Errorf("err = %v, want %s", err, want)
		}
		list, err := b.Overrides(ctx, "a")
		must(t, err)
		o.CreatedAt = billingtest.Epoch()
		if !reflect.DeepEqual(list, []billing.Override{o}) {
			t.Errorf("overrides = %+v", list)
		}
		must(t, b.RemoveOverride(ctx, "a", billing.Bots, "op"))
		if errs.KindOf(b.SetOverride(ctx, "a", billing.Override{Feature: "cars", Limit: -7})) != errs.Invalid {
			t.Error("a faulty override was taken")
		}
	})
}

func TestRepair(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bench) {
		ctx, g := t.Context(), b.Gate()
		b.Tenant(t, "a", "basic")
		b.Tenant(t, "b", "basic")
		for _, id := range []string{"a", "b"} {
			must(t, g.Reserve(ctx, id, bot("1"), bot("2"), pair("XBTMYR", "1"), pair("XBTMYR", "2")))
		}
		must(t, b.d.Write(ctx, "a", func(ctx context.Context, tx bun.IDB) error {
			_, err := tx.NewRaw("UPDATE billing_usage SET used = 77 WHERE feature = 'bots'").Exec(ctx)
			if err == nil {
				_, err = tx.NewRaw("DELETE FROM billing_usage WHERE tenant_id = 'a' AND feature = 'pairs'").Exec(ctx)
			}
			return err
		}))
		for _, want := range []int{2, 0} {
			n, err := g.Repair(ctx, "a")
			must(t, err)
			if n != want {
				t.Errorf("repaired %d, want %d", n, want)
			}
		}
		b.wantUsed(t, "a", 2, 0, 1)
		b.wantUsed(t, "b", 77, 0, 1)
		must(t, b.d.Write(ctx, "a", func(ctx context.Context, tx bun.IDB) error {
			_, err := tx.NewRaw("UPDATE billing_usage SET used = 0 WHERE tenant_id = 'a'").Exec(ctx)
			return err
		}))
		must(t, g.Release(ctx, "a", bot("1")))
		b.wantUsed(t, "a", 0, 0, 0)
		if n, err := g.Repair(ctx, "a"); err != nil || n != 2 {
			t.Errorf("repaired %d, %v, want 2", n, err)
		}
		b.wantUsed(t, "a", 1, 0, 1)
	})
}

// Any mix of creating, starting, deleting and failing leaves the counters at
// what is held, which a plain set keeps beside.
func TestCounterEqualsTruth(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bench) { // proves E5
		tenants := 0
		boom := errors.New("boom")
		rapid.Check(t, func(r *rapid.T) {
			ctx := t.Context()
			tenants++
			id := fmt.Sprintf("t%d", tenants)
			b.Tenant(t, id, "basic")
			truth := map[billing.Want]bool{}
			keys := func(f billing.Feature) map[string]bool {
				set := map[string]bool{}
				for w := range truth {
					if w.Feature == f {
						set[w.Key] = true
					}
				}
				return set
			}
			want := rapid.Custom(func(r *rapid.T) billing.Want {
				return billing.Want{
					Feature: rapid.SampledFrom(billing.Counted()).Draw(r, "feature"),
					Key:     rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f"}).Draw(r, "key"),
					Holder:  rapid.SampledFrom([]string{"1", "2"}).Draw(r, "holder"),
				}
			})
			for range rapid.IntRange(1, 12).Draw(r, "steps") {
				wants := rapid.SliceOfN(want, 1, 4).Draw(r, "wants")
				release, fail := rapid.Bool().Draw(r, "release"), rapid.IntRange(0, 3).Draw(r, "fail") == 0
				err := b.d.Tx(ctx, id, func(ctx context.Context) error {
					do := b.Gate().Reserve
					if release {
						do = b.Gate().Release
					}
					if err := do(ctx, id, wants...); err != nil {
						return err
					}
					if fail {
						return boom
					}
					return nil
				})
				switch {
				case err == nil:
					for _, w := range wants {
						if truth[w] = true; release {
							delete(truth, w)
						}
					}
				case !errors.Is(err, boom) && errs.CodeOf(err) != billing.CodeLimitExceeded:
					r.Fatal(err)
				}
				limits := map[billing.Feature]int{billing.Bots: 3, billing.RunningBots: 3, billing.Pairs: 5, billing.ExchangeAccounts: 3, billing.RunningBacktests: 1}
				for f, used := range b.used(t, id) {
					if n := len(keys(f)); int(used) != n || n > limits[f] {
						r.Fatalf("%s: the counter is %d, the truth %d, the limit %d", f, used, n, limits[f])
					}
				}
			}
			if n, err := b.Gate().Repair(ctx, id); err != nil || n != 0 {
				r.Fatalf("repair found %d wrong counters, %v", n, err)
			}
		})
	})
}
