package ceiling_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/ceiling"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/event"
	"github.com/lunobot/lunobot/saas/saasdb"
	"github.com/lunobot/lunobot/tenancy"
	"github.com/lunobot/lunobot/tenancy/tenancydb"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// markets are one pair.
type markets struct{}

func (markets) Pairs() []string { return []string{"XBTMYR"} }

func (markets) Market(string) (exchange.Market, error) {
	return exchange.Market{Pair: "XBTMYR", Base: "XBT", Counter: "MYR"}, nil
}

// events keeps what is recorded.
type events struct{ list []event.Event }

func (e *events) Record(_ context.Context, list ...event.Event) error {
	e.list = append(e.list, list...)
	return nil
}

// standing is a store whose bots stand as it says.
type standing struct {
	*saasdb.Store
	is ceiling.Standing
	// looked, if not nil, is called by each look.
	looked func()
}

func (s *standing) Standing(context.Context, string, string, time.Time) (ceiling.Standing, error) {
	if s.looked != nil {
		s.looked()
	}
	return s.is, nil
}

// bench is the service on a real store, and a second one as of another worker.
type bench struct {
	*ceiling.Service
	other  *ceiling.Service
	t      *testing.T
	store  *standing
	events *events
	now    time.Time
}

func each(t *testing.T, fn func(b *bench)) {
	dbtest.Each(t, []db.MigrationSet{tenancydb.Migrations(), saasdb.Migrations()}, func(t *testing.T, d *db.DB) {
		b := &bench{t: t, store: &standing{Store: saasdb.New(d)}, events: &events{}, now: time.Date(2026, 3, 1, 23, 30, 0, 0, time.UTC)}
		cfg := ceiling.Config{Events: b.events, Markets: markets{}, Now: func() time.Time { return b.now }, Store: b.store, Tx: d}
		var err, again error
		b.Service, err = ceiling.NewService(cfg)
		if b.other, again = ceiling.NewService(cfg); err != nil || again != nil {
			t.Fatal(err, again)
		}
		fn(b)
	})
}

func dec(s string) decimal.Decimal { return decimal.RequireFromString(s) }

func person(tenantID string, role tenancy.Role) tenancy.Principal {
	return tenancy.Principal{UserID: "u-" + tenantID, TenantID: tenantID, Role: role, Email: tenantID + "@example.com"}
}

func (b *bench) want(err error, kind errs.Kind, code string) {
	b.t.Helper()
	if err == nil || errs.KindOf(err) != kind || errs.CodeOf(err) != code {
		b.t.Errorf("got %v, want %s, code %s", err, kind, code)
	}
}

// happened returns the data of the events of a type.
func (b *bench) happened(typ string) (list []map[string]any) {
	for _, e := range b.events.list {
		var data map[string]any
		if e.Type == typ && json.Unmarshal(e.Data, &data) == nil {
			list = append(list, data)
		}
	}
	return list
}

// Owners and administrators set, change and remove a ceiling, on record; who else asks, or
// saw another version, changes nothing.
func TestSetAndRemove(t *testing.T) {
	t.Parallel()
	each(t, func(b *bench) {
		ctx, owner := b.t.Context(), person("a", tenancy.Owner)
		in := ceiling.SetInput{Currency: "MYR", MaxExposure: dec("5000")}
		for _, role := range []tenancy.Role{tenancy.Viewer, tenancy.Trader} {
			_, err := b.Set(ctx, person("a", role), in)
			b.want(err, errs.Forbidden, "permission_denied")
			b.want(b.Remove(ctx, person("a", role), "MYR", 0), errs.Forbidden, "permission_denied")
		}
		_, err := b.Set(ctx, owner, ceiling.SetInput{Currency: "MYR", MaxExposure: dec("5000"), Version: 1})
		b.want(err, errs.Stale, "ceiling_changed")
		if c, err := b.Set(ctx, owner, in); err != nil || c.Version != 1 || c.SetBy != owner.Email {
			b.t.Fatal(c, err)
		}
		in.MaxDailyLoss, in.Version = dec("250.5"), 1
		if c, err := b.Set(ctx, person("a", tenancy.Admin), in); err != nil || c.Version != 2 {
			b.t.Fatal(c, err)
		}
		_, err = b.Set(ctx, owner, in)
		b.want(err, errs.Stale, "ceiling_changed")
		b.want(b.Remove(ctx, owner, "MYR", 1), errs.Stale, "ceiling_changed")
		if c, err := b.Get(ctx, person("a", tenancy.Viewer), "MYR"); err != nil || !c.MaxExposure.Equal(in.MaxExposure) || !c.MaxDailyLoss.Equal(in.MaxDailyLoss) {
			b.t.Error(c, err)
		}
		thief := person("b", tenancy.Owner)
		_, err = b.Get(ctx, thief, "MYR")
		b.want(err, errs.NotFound, "ceiling_not_found")
		b.want(b.Remove(ctx, thief, "MYR", 0), errs.NotFound, "ceiling_not_found")
		if err := b.Remove(ctx, owner, "MYR", 2); err != nil {
			b.t.Fatal(err)
		}
		set, gone := b.happened(ceiling.EventSet), b.happened(ceiling.EventRemoved)
		if len(set) != 2 || set[1]["max_daily_loss"] != "250.5" || set[1]["max_daily_loss_before"] != "0" || set[1]["user_id"] != "u-a" || len(gone) != 1 {
			b.t.Errorf("on record are %v and %v", set, gone)
		}
	})
}

func TestSetNamesAllThatIsWrong(t *testing.T) {
	t.Parallel()
	each(t, func(b *bench) {
		_, err := b.Set(b.t.Context(), person("a", tenancy.Owner), ceiling.SetInput{Currency: "EUR", MaxExposure: dec("-1"), MaxDailyLoss: dec("0.000000001")})
		var e *errs.Error
		if !errors.As(err, &e) || e.Kind != errs.Invalid {
			b.t.Fatal(err)
		}
		var paths []string
		for _, f := range e.Fields {
			paths = append(paths, f.Path)
		}
		if got := strings.Join(paths, " "); got != "/currency /max_exposure /max_daily_loss" {
			b.t.Errorf("it names %s", got)
		}
		_, err = b.Set(b.t.Context(), person("a", tenancy.Owner), ceiling.SetInput{Currency: "MYR"})
		b.want(err, errs.Invalid, "invalid_input")
	})
}

// proves RK1: a loss that reaches its ceiling denies entries for the rest of the day of UTC,
// also if it grows smaller, and the tenant is told once, however many workers look.
func TestDailyLoss(t *testing.T) {
	t.Parallel()
	each(t, func(b *bench) {
		ctx, owner := b.t.Context(), person("a", tenancy.Owner)
		set := func() ceiling.Seen {
			b.t.Helper()
			c, err := b.Set(ctx, owner, ceiling.SetInput{Currency: "MYR", MaxDailyLoss: dec("100")})
			if err != nil {
				b.t.Fatal(err)
			}
			return c
		}
		set()
		lose := func(loss string, events int, over bool) {
			b.t.Helper()
			b.store.is.Loss = dec(loss)
			for _, s := range []*ceiling.Service{b.Service, b.other} {
				if err := s.Watch(ctx); err != nil {
					b.t.Fatal(err)
				}
			}
			reached, err := b.Reached(ctx, owner)
			if err != nil || len(b.happened(ceiling.EventReached)) != events || (len(reached) == 1) != over {
				b.t.Errorf("at a loss of %s it was told %v, and reached are %v, %v", loss, b.happened(ceiling.EventReached), reached, err)
			}
			c, err := b.Get(ctx, owner, "MYR")
			why := c.Denies(ceiling.Standing{}, dec("1"), b.now)
			if err != nil || (why != "") != over || over && why != "all live bots together had lost 100.25 MYR, and may lose 100 MYR in a day: no entries until the day ends at 00:00 UTC" {
				b.t.Errorf("a buy is denied because %q, %v", why, err)
			}
		}
		lose("99.99", 0, false)
		lose("100.25", 1, true)
		lose("20", 1, true)
		b.now = b.now.Add(time.Hour) // the next day
		lose("99", 1, false)
		lose("100.25", 2, true)
		set() // anew
		lose("1", 2, false)
	})
}

// proves RK1: a loss that is looked at right before midnight is of the day that ends, also if
// the next one has begun when it is written down: that denies nothing.
func TestALossOverMidnight(t *testing.T) {
	t.Parallel()
	each(t, func(b *bench) {
		ctx, owner := b.t.Context(), person("a", tenancy.Owner)
		if _, err := b.Set(ctx, owner, ceiling.SetInput{Currency: "MYR", MaxDailyLoss: dec("100")}); err != nil {
			b.t.Fatal(err)
		}
		b.store.is.Loss = dec("100")
		b.store.looked = func() { b.now = time.Date(2026, 3, 2, 0, 0, 1, 0, time.UTC) }
		if err := b.Watch(ctx); err != nil {
			b.t.Fatal(err)
		}
		c, err := b.Get(ctx, owner, "MYR")
		if want := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC); err != nil || !c.Reached.Equal(want) || c.Over {
			b.t.Errorf("the loss counts for %s, want %s; %v", c.Reached, want, err)
		}
	})
}
