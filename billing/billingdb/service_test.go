package billingdb_test

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/billing"
	"github.com/lunobot/lunobot/billing/billingdb"
	"github.com/lunobot/lunobot/billing/billingtest"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/errs"
)

func (b *bench) change(t *testing.T, plan string, immediately bool) billing.Change {
	t.Helper()
	c, err := b.ChangePlan(t.Context(), "a", billing.ChangePlanInput{Plan: plan, Actor: "me", Immediately: immediately})
	must(t, err)
	return c
}

func (b *bench) wantEvents(t *testing.T, want ...string) {
	t.Helper()
	if got := b.Events.Take(); !reflect.DeepEqual(got, append([]string{}, want...)) {
		t.Errorf("events = %v, want %v", got, want)
	}
}

func TestEnrol(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		boom := errors.New("boom")
		err := b.d.Tx(ctx, "a", func(ctx context.Context) error {
			if err := b.Enrol(ctx, "a"); err != nil {
				return err
			}
			return boom
		})
		if _, serr := b.Subscription(ctx, "a"); !errors.Is(err, boom) || errs.KindOf(serr) != errs.NotFound {
			t.Errorf("after a rollback: %v, %v", err, serr)
		}
		b.Events.Take()
		must(t, b.Enrol(ctx, "a"))
		must(t, b.Enrol(ctx, "a"))
		b.wantEvents(t, billing.EventSubscriptionStarted)
		st, err := b.Subscription(ctx, "a")
		must(t, err)
		// 31 January and a month is the last day of February.
		if st.Terms.ID != "free" || st.Status != billing.StatusActive || !st.PeriodEnd.Equal(time.Date(2026, 2, 28, 9, 0, 0, 0, time.UTC)) {
			t.Errorf("standing = %+v", st)
		}
		if st.Limits[billing.Bots] != 1 || st.Limits[billing.APICallsPerHour] != 100 {
			t.Errorf("limits = %v", st.Limits)
		}
		list, err := b.Invoices(ctx, "a")
		must(t, err)
		if len(list) != 0 {
			t.Errorf("the free plan was invoiced: %+v", list)
		}
	})
}

func TestUpgradeAtOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bench) { // proves D4, I2, I3
		ctx := t.Context()
		must(t, b.Enrol(ctx, "a"))
		b.Events.Take()
		b.Clock.Move(14 * 24 * time.Hour) // half of the 28 days
		first := b.change(t, "2", false)
		b.wantEvents(t, billing.EventInvoiceIssued, billing.EventSubscriptionChanged)
		again := b.change(t, "Basic", false)
		b.wantEvents(t)
		if again.Invoice != nil || again.Standing.Terms.ID != "basic" || first.Standing.Limits[billing.Bots] != 3 {
			t.Errorf("first %+v, again %+v", first, again)
		}
		second := b.change(t, "premium", false)
		b.wantEvents(t, billing.EventInvoiceIssued, billing.EventSubscriptionChanged)
		list, err := b.Invoices(ctx, "a")
		must(t, err)
		if len(list) != 2 || !reflect.DeepEqual(list[1], *first.Invoice) || !reflect.DeepEqual(list[0], *second.Invoice) {
			t.Fatalf("invoices = %+v", list)
		}
		if got := list[1]; got.Total.String() != "15.00 USD" || got.Reference() != "INV-000001" || got.Status != billing.InvoiceOpen ||
			got.Provider != "offline" || got.Note == "" || !got.DueAt.Equal(b.Clock.Now().Add(14*24*time.Hour)) {
			t.Errorf("the first invoice = %+v", got)
		}
		if got := list[0]; got.Total.String() != "35.00 USD" || got.Reference() != "INV-000002" || len(got.Lines) != 2 {
			t.Errorf("the second invoice = %+v", got)
		}
	})
}

func TestMarkPaid(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		b.Tenant(t, "a", "basic")
		b.Tenant(t, "b", "free")
		list, err := b.Invoices(ctx, "a")
		must(t, err)
		b.Events.Take()
		if err := b.MarkPaid(ctx, "b", list[0].ID, "op"); !errors.Is(err, billing.ErrNoInvoice) {
			t.Errorf("another tenant's invoice: %v", err)
		}
		if err := b.MarkPaid(ctx, "a", list[0].ID, " "); errs.KindOf(err) != errs.Invalid {
			t.Errorf("without an actor: %v", err)
		}
		must(t, b.MarkPaid(ctx, "a", list[0].ID, "op"))
		must(t, b.MarkPaid(ctx, "a", list[0].ID, "other"))
		b.wantEvents(t, billing.EventInvoicePaid)
		want := list[0]
		want.Status, want.PaidAt, want.PaidBy = billing.InvoicePaid, b.Clock.Now(), "op"
		after, err := b.Invoices(ctx, "a")
		must(t, err)
		if !reflect.DeepEqual(after, []billing.Invoice{want}) {
			t.Errorf("invoices = %+v, want %+v", after, want)
		}
	})
}

func TestDowngradeAtPeriodEnd(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bench) { // proves D4
		ctx := t.Context()
		b.Tenant(t, "a", "premium")
		st, err := b.Subscription(ctx, "a")
		must(t, err)
		end := st.PeriodEnd
		b.Events.Take()
		c := b.change(t, "basic", false)
		b.change(t, "basic", false)
		b.wantEvents(t, billing.EventChangeScheduled)
		if c.Standing.Terms.ID != "premium" || c.Standing.PendingTerms == nil || c.Standing.PendingTerms.ID != "basic" || !c.EffectiveAt.Equal(end) || c.Invoice != nil {
			t.Errorf("change = %+v", c)
		}
		b.change(t, "premium", false)
		b.change(t, "premium", false)
		b.wantEvents(t, billing.EventChangeCanceled)
		b.change(t, "basic", false)
		b.Events.Take()

		n, err := b.ApplyDue(ctx, end.Add(-time.Microsecond))
		must(t, err)
		if n != 0 {
			t.Error("the change was applied before its time")
		}
		b.Clock.Move(end.Sub(b.Clock.Now()))
		for _, want := range []int{1, 0} {
			n, err := b.ApplyDue(ctx, b.Clock.Now())
			must(t, err)
			if n != want {
				t.Errorf("moved %d, want %d", n, want)
			}
		}
		b.wantEvents(t, billing.EventInvoiceIssued, billing.EventSubscriptionChanged)
		st, err = b.Subscription(ctx, "a")
		must(t, err)
		if st.Terms.ID != "basic" || st.PendingTerms != nil || !st.PeriodStart.Equal(end) || !st.PeriodEnd.Equal(time.Date(2026, 3, 31, 9, 0, 0, 0, time.UTC)) {
			t.Errorf("standing = %+v", st)
		}
		list, err := b.Invoices(ctx, "a")
		must(t, err)
		if len(list) != 2 || list[0].Kind != billing.InvoiceRenewal || list[0].Total.String() != "29.99 USD" {
			t.Errorf("invoices = %+v", list)
		}
	})
}

// A change that comes after the period's end, before ApplyDue did, begins the
// new periods first.
func TestChangeAfterThePeriod(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bench) {
		b.Tenant(t, "a", "basic")
		b.change(t, "free", false)
		b.Clock.Move(45 * 24 * time.Hour)
		c := b.change(t, "basic", false)
		if c.Standing.Terms.ID != "basic" || c.Standing.PendingTerms != nil || !c.Standing.PeriodStart.Equal(time.Date(2026, 2, 28, 9, 0, 0, 0, time.UTC)) {
			t.Errorf("standing = %+v", c.Standing)
		}
		// 14 of the 31 days from 28 February are left on 17 March.
		if got := c.Invoice.Total.String(); got != "13.54 USD" || c.Invoice.Number != 2 {
			t.Errorf("invoice = %+v", c.Invoice)
		}
	})
}

func TestThereAndBackNetsToZero(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bench) { // proves D4
		b.Tenant(t, "a", "basic")
		b.Clock.Move(100 * time.Hour)
		up, down := b.change(t, "premium", true), b.change(t, "basic", true)
		net, err := up.Invoice.Total.Add(down.Invoice.Total)
		must(t, err)
		if !net.IsZero() || down.Invoice.Total.Minor >= 0 || down.Standing.Terms.ID != "basic" {
			t.Errorf("net = %s, down = %+v", net, down.Invoice)
		}
	})
}

func TestChangePlanRefusals(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		b.Tenant(t, "a", "free")
		_, err := b.ChangePlan(ctx, "a", billing.ChangePlanInput{Plan: "gold"})
		if errs.KindOf(err) != errs.Invalid || !strings.Contains(err.Error(), `plan_id must be one of free, basic, premium, enterprise, not "gold", actor`) {
			t.Errorf("err = %v", err)
		}
		_, err = b.ChangePlan(ctx, "nobody", billing.ChangePlanInput{Plan: "basic", Actor: "me"})
		if !errors.Is(err, billing.ErrNoSubscription) {
			t.Errorf("err = %v", err)
		}
	})
}

// A tenant keeps the version that it subscribed to when the catalog has a new
// one, and a version cannot be changed under it.
func TestPlanVersions(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, sets(), func(t *testing.T, d *db.DB) { // proves E11
		ctx, store := t.Context(), billingdb.New(d)
		b := &bench{Bench: billingtest.NewBench(t, store, d, nil), d: d}
		b.Tenant(t, "a", "free")
		plans := billing.DefaultCatalog().Plans()
		plans[0].Limits[billing.Bots] = 2
		cfg := billing.Config{Events: b.Events, Now: b.Clock.Now, Provider: freeOfCharge{}, Store: store, Tx: d}
		service := func() *billing.Service {
			catalog, err := billing.NewCatalog(plans...)
			must(t, err)
			cfg.Catalog = catalog
			s, err := billing.New(cfg)
			must(t, err)
			return s
		}
		if err := service().Publish(ctx); !errors.Is(err, billing.ErrPlanChanged) || !strings.Contains(err.Error(), "plan free version 1") {
			t.Errorf("a changed plan was published: %v", err)
		}
		plans[0].Version = 2
		s := service()
		must(t, s.Publish(ctx))
		must(t, s.Publish(ctx))
		if l, err := s.Gate().Limit(ctx, "a", billing.Bots); err != nil || l != 1 {
			t.Errorf("the tenant's limit = %v, %v, want that of its version", l, err)
		}
		c, err := s.ChangePlan(ctx, "a", billing.ChangePlanInput{Plan: "free", Actor: "me"})
		must(t, err)
		if c.Standing.Plan.Version != 2 || c.Standing.Limits[billing.Bots] != 2 {
			t.Errorf("after changing to the new version: %+v", c.Standing)
		}
	})
}

// freeOfCharge is a provider that asks for nothing.
type freeOfCharge struct{}

func (freeOfCharge) Name() string                                    { return "none" }
func (freeOfCharge) Prepare(context.Context, *billing.Invoice) error { return nil }

func TestEventPayload(t *testing.T) {
	t.Parallel()
	limit := billing.Unlimited
	for want, payload := range map[string]any{
		`{"plan_id":"basic","plan_version":2,"plan_name":"Basic","period_start":"2026-01-31T09:00:00Z","period_end":"2026-01-31T09:00:00Z"}`: billing.SubscriptionStarted{
			PlanRef: billing.PlanRef{ID: "basic", Version: 2}, PlanName: "Basic", PeriodStart: billingtest.Epoch(), PeriodEnd: billingtest.Epoch(),
		},
		`{"feature":"bots","limit":"unlimited","actor":"op"}`: billing.OverrideChanged{Feature: billing.Bots, Limit: &limit, Actor: "op"},
		`{"reference":"INV-000001","kind":"change","total":{"amount":"1.50","currency":"USD"}}`: billing.InvoiceEvent{
			Reference: "INV-000001", Kind: billing.InvoiceChange, Total: billing.Money{Minor: 150, Currency: "USD"},
		},
	} {
		raw, err := json.Marshal(payload)
		must(t, err)
		if string(raw) != want {
			t.Errorf("got %s, want %s", raw, want)
		}
	}
}
