package research_test

import (
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/page"
	"github.com/lunobot/lunobot/saas/research"
)

// What rests and what is suspect follows from the time that runs hung: a tenant's version
// rests above 90 seconds, all of its versions above three minutes, and nothing rests for
// others; a version that hangs for three is suspect for those without a success.
func TestHangsRest(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	hang := func(tenantID, strategy, version string, stood time.Duration) research.Hang {
		h := research.NewHang(strategy, version, now, stood)
		h.TenantID, h.Times = tenantID, 2
		return h
	}
	const v, day = "1.0.0", 24 * time.Hour
	three := func(version string) research.Hangs {
		return research.Hangs{hang("a", "demo", version, time.Second), hang("b", "demo", version, time.Hour), hang("c", "demo", version, time.Minute)}
	}
	for name, c := range map[string]struct {
		hangs     research.Hangs
		tenant    string
		version   string
		succeeded time.Duration // how long ago; 0 is never
		rests     time.Duration
		why       string
		suspect   bool
	}{
		"none":                            {nil, "a", v, 0, 0, "", false},
		"as much as may be":               {research.Hangs{hang("a", "demo", v, 90*time.Second)}, "a", v, 0, 0, "", true},
		"a second more":                   {research.Hangs{hang("a", "demo", v, 91*time.Second)}, "a", v, 0, 10 * time.Second, "2 of your backtests of demo 1.0.0 hung lately.", true},
		"one's own despite a success":     {research.Hangs{hang("a", "demo", v, 120*time.Second)}, "a", v, time.Hour, 5 * time.Minute, "2 of your backtests of demo 1.0.0 hung lately.", true},
		"another tenant's":                {research.Hangs{hang("b", "demo", v, time.Hour), hang("b", "", "", time.Hour)}, "a", v, 0, 0, "", false},
		"another version":                 {research.Hangs{hang("a", "demo", "1.1.0", time.Hour)}, "a", v, 0, 0, "", true},
		"another strategy":                {research.Hangs{hang("a", "basic", v, time.Hour)}, "a", v, 0, 0, "", true},
		"all versions together":           {research.Hangs{hang("a", "", "", 190*time.Second)}, "a", v, 0, 100 * time.Second, "2 of your backtests hung lately.", true},
		"all versions, and less":          {research.Hangs{hang("a", "", "", 180*time.Second), hang("a", "demo", v, 80*time.Second)}, "a", v, 0, 0, "", true},
		"the longer of both":              {research.Hangs{hang("a", "demo", v, 95*time.Second), hang("a", "", "", 190*time.Second)}, "a", v, 0, 100 * time.Second, "2 of your backtests hung lately.", true},
		"two other tenants'":              {three(v)[:2], "d", v, 0, 0, "", false},
		"three tenants'":                  {three(v), "d", v, 0, 0, "", true},
		"three, after a success":          {three(v), "d", v, day - time.Second, 0, "", false},
		"three, after an old success":     {three(v), "d", v, day, 0, "", true},
		"three tenants' of another":       {three("1.1.0"), "d", v, 0, 0, "", false},
		"three tenants' of the contained": {three(""), "d", "", 0, 0, "", false},
	} {
		until, why := c.hangs.Rest(c.tenant, "demo", c.version, now)
		if c.rests == 0 && !until.IsZero() || c.rests > 0 && until.Sub(now) != c.rests || why != c.why {
			t.Errorf("%s: it rests until %s: %s", name, until, why)
		}
		p := research.Pending{TenantID: c.tenant, Strategy: "demo", Version: c.version}
		if c.succeeded > 0 {
			p.Succeeded = now.Add(-c.succeeded)
		}
		if got := c.hangs.Suspect(p, now); got != c.suspect {
			t.Errorf("%s: suspect is %t", name, got)
		}
	}
	last := hang("a", "demo", "1.1.0", time.Second)
	last.Last = now.Add(time.Minute)
	list := append(three(v), last, hang("a", "", "", time.Minute)).Versions()
	if len(list) != 2 || list[0].Version != "1.1.0" || list[0].Times != 2 || list[0].Tenants != 1 || list[0].Suspect || !list[1].Suspect {
		t.Fatalf("summed up they are %+v", list)
	}
	if got, want := list[0].Says(), "2 backtests of demo 1.1.0 hung lately, of 1 tenant, the newest at 2026-03-01 12:01 UTC."; got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
	want := "6 backtests of demo 1.0.0 hung lately, of 3 tenants, the newest at 2026-03-01 12:00 UTC. Its backtests go last and one at a time, but those of tenants that had a success with it in the last day."
	if got := list[1].Says(); got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
}

// A success between two hangs forgives none. Above the budget new runs are refused, and
// those that wait go on waiting and say why, until enough is forgotten; of several
// versions the sum counts.
func TestHangsAddUp(t *testing.T) {
	t.Parallel()
	each(t, "premium", func(b *bench) {
		ctx := b.t.Context()
		hung := func() research.Run {
			b.t.Helper()
			r := b.create()
			l := b.take(r, "worker")
			_, err := b.Begin(ctx, l, 3)
			b.must(err)
			b.must(b.Hung(ctx, l, "It stood still.", time.Minute))
			return b.run(r.ID)
		}
		if got := hung(); got.Status != research.Failed || got.Reason != "It stood still." {
			b.t.Errorf("after the first it is %s: %s", got.Status, got.Reason)
		}
		small := b.create()
		l := b.take(small, "worker")
		_, err := b.Begin(ctx, l, 3)
		b.must(err)
		b.must(b.Finish(ctx, l, outcome()))
		waits := b.create()
		if got := b.run(waits.ID); got.Reason != "" {
			b.t.Errorf("it waits because %s", got.Reason)
		}
		if got := hung(); !strings.HasPrefix(got.Reason, "It stood still. 2 of your backtests of cross hung lately. The next one can be made at ") {
			b.t.Errorf("after the second it says %s", got.Reason)
		}
		refused := func(want string) {
			b.t.Helper()
			_, err := b.Create(ctx, b.who, research.CreateInput{Pair: "XBTMYR", Strategy: "cross"})
			b.want(err, errs.Conflict, "strategy_hangs")
			if err != nil && !strings.Contains(err.Error(), want) {
				b.t.Errorf("it is refused with %v", err)
			}
		}
		refused("2 of your backtests of cross hung lately. The next one can be made at ")
		list, err := b.Runs(ctx, b.who, page.Page{})
		b.must(err)
		for _, r := range list.Items {
			if r.ID == waits.ID && (r.Status != research.Queued || !strings.HasPrefix(r.Reason, "2 of your backtests of cross hung lately. This one waits until ")) || r.Status == research.Done && r.Reason != "" {
				b.t.Errorf("listed as %s: %s", r.Status, r.Reason)
			}
		}
		b.billing.Clock.Move(5*time.Minute - time.Second)
		refused("hung lately")
		b.billing.Clock.Move(time.Second) // 30 of 120 seconds are forgotten
		if got := b.run(waits.ID); got.Status != research.Queued || got.Reason != "" {
			b.t.Errorf("after the rest it is %s: %s", got.Status, got.Reason)
		}
		_, err = b.Cancel(ctx, b.who, b.create().ID)
		b.must(err)

		other := waits
		other.Strategy = "other"
		b.must(b.Stalled(ctx, other, 90*time.Second))
		b.create() // 90 seconds of each, 180 together
		b.must(b.Stalled(ctx, other, time.Second))
		refused("4 of your backtests hung lately.")
		b.billing.Clock.Move(time.Hour)
		if list, err := b.HungVersions(ctx); len(list) != 0 || err != nil {
			b.t.Errorf("an hour later %+v hang, %v", list, err)
		}
	})
}
