package billingtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/lunobot/lunobot/billing"
	"github.com/lunobot/lunobot/saas/errs"
)

// ExerciseStore runs the conformance suite. open returns a store on an empty
// database of its own, which the caller closes when the test ends.
func ExerciseStore(t *testing.T, open func(t *testing.T) (billing.Store, billing.Tx)) {
	t.Helper()
	for name, run := range map[string]func(t *testing.T, e *exercise){
		"plans are immutable":               plans,
		"one subscription a tenant":         subscriptions,
		"what is due is listed in order":    due,
		"overrides replace one another":     overrides,
		"holds count different keys":        holds,
		"a refused hold leaves nothing":     refused,
		"recount repairs nothing but wrong": recount,
		"invoices are unique and settled":   invoices,
		"a rollback leaves nothing":         rollback,
		"another tenant sees nothing":       crossTenant,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, tx := open(t)
			e := &exercise{Store: store, tx: tx, t: t}
			for _, p := range billing.DefaultCatalog().Plans() {
				e.ok(store.PublishPlan(t.Context(), p, Epoch()))
			}
			run(t, e)
		})
	}
}

// exercise is a store with a test to fail.
type exercise struct {
	billing.Store
	tx billing.Tx
	t  *testing.T
}

func (e *exercise) ok(err error) {
	e.t.Helper()
	if err != nil {
		e.t.Fatal(err)
	}
}

func (e *exercise) is(err, want error) {
	e.t.Helper()
	if !errors.Is(err, want) {
		e.t.Errorf("err = %v, want %v", err, want)
	}
}

func (e *exercise) same(what string, got, want any) {
	e.t.Helper()
	if !reflect.DeepEqual(got, want) {
		e.t.Errorf("%s = %+v, want %+v", what, got, want)
	}
}

// free returns a subscription to the Free plan.
func free(tenantID string) billing.Subscription {
	return billing.Subscription{
		ID: "sub-" + tenantID, TenantID: tenantID, Plan: billing.PlanRef{ID: "free", Version: 1},
		Status: billing.StatusActive, StartedAt: Epoch(), PeriodStart: Epoch(), PeriodEnd: Epoch().Add(time.Hour),
	}
}

// create stores free for the tenant.
func (e *exercise) create(tenantID string) billing.Subscription {
	e.t.Helper()
	s := free(tenantID)
	created, err := e.CreateSubscription(e.t.Context(), tenantID, s)
	e.ok(err)
	e.same("created", created, true)
	return s
}

func plans(t *testing.T, e *exercise) {
	ctx := t.Context()
	p, _ := billing.DefaultCatalog().Find("basic")
	e.ok(e.PublishPlan(ctx, p, Epoch()))
	changed := p
	changed.Limits = maps.Clone(p.Limits)
	changed.Limits[billing.Bots]++
	e.is(e.PublishPlan(ctx, changed, Epoch()), billing.ErrPlanChanged) // proves E11
	got, err := e.Plan(ctx, "a", p.Ref())
	e.ok(err)
	e.same("the kept plan", got, p)
	changed.Version = 2
	e.ok(e.PublishPlan(ctx, changed, Epoch()))
	got, err = e.Plan(ctx, "a", changed.Ref())
	e.ok(err)
	e.same("the second version", got, changed)
	_, err = e.Plan(ctx, "a", billing.PlanRef{ID: "basic", Version: 3})
	e.is(err, billing.ErrNoPlan)
}

func subscriptions(t *testing.T, e *exercise) {
	ctx := t.Context()
	_, err := e.Subscription(ctx, "a")
	e.is(err, billing.ErrNoSubscription)
	_, err = e.LockSubscription(ctx, "a")
	e.is(err, billing.ErrNoSubscription)
	s := e.create("a")
	again := s
	again.ID = "another"
	created, err := e.CreateSubscription(ctx, "a", again)
	e.ok(err)
	e.same("created twice", created, false)

	s.Plan.ID, s.Status, s.GraceUntil = "basic", billing.StatusPastDue, Epoch().Add(time.Minute)
	s.Pending, s.PendingBy = billing.PlanRef{ID: "premium", Version: 2}, "me"
	s.PeriodStart, s.PeriodEnd = Epoch().Add(time.Hour), Epoch().Add(3*time.Hour+time.Microsecond)
	s.Revision, s.LastInvoice = 7, 3
	e.ok(e.UpdateSubscription(ctx, "a", s))
	got, err := e.Subscription(ctx, "a")
	e.ok(err)
	e.same("the subscription", got, s)
	got, err = e.LockSubscription(ctx, "a")
	e.ok(err)
	e.same("the locked subscription", got, s)
	s.Pending, s.PendingBy, s.GraceUntil = billing.PlanRef{}, "", time.Time{}
	e.ok(e.UpdateSubscription(ctx, "a", s))
	got, err = e.Subscription(ctx, "a")
	e.ok(err)
	e.same("the cleared subscription", got, s)
	e.is(e.UpdateSubscription(ctx, "a", again), billing.ErrNoSubscription)
	s.Plan.Version = 99
	if e.UpdateSubscription(ctx, "a", s) == nil {
		t.Error("a subscription to a version that was never published was stored")
	}
}

func due(t *testing.T, e *exercise) {
	ctx := t.Context()
	for i, id := range []string{"c", "a", "b", "d", "e"} {
		s := free(id)
		s.PeriodEnd = Epoch().Add(time.Duration(i+1) * time.Hour)
		if id == "b" {
			s.Status = billing.StatusCanceled
		}
		_, err := e.CreateSubscription(ctx, id, s)
		e.ok(err)
	}
	at := Epoch().Add(4 * time.Hour)
	got, err := e.DueTenants(ctx, at, "", 2)
	e.ok(err)
	e.same("the first page", got, []string{"a", "c"})
	got, err = e.DueTenants(ctx, at, "c", 2)
	e.ok(err)
	e.same("the second page", got, []string{"d"})
}

func overrides(t *testing.T, e *exercise) {
	ctx := t.Context()
	o := billing.Override{Feature: billing.Bots, Limit: 5, Author: "op", Reason: "asked", CreatedAt: Epoch(), ExpiresAt: Epoch().Add(time.Hour)}
	e.ok(e.SetOverride(ctx, "a", o))
	o.Limit, o.ExpiresAt = billing.Unlimited, time.Time{}
	e.ok(e.SetOverride(ctx, "a", o))
	got, err := e.Overrides(ctx, "a")
	e.ok(err)
	e.same("the overrides", got, []billing.Override{o})
	for _, want := range []bool{true, false} {
		removed, err := e.RemoveOverride(ctx, "a", billing.Bots)
		e.ok(err)
		e.same("removed", removed, want)
	}
}

// used reads one counter.
func (e *exercise) used(tenantID string, f billing.Feature) int64 {
	e.t.Helper()
	used, err := e.Used(e.t.Context(), tenantID)
	e.ok(err)
	return used[f]
}

func holds(t *testing.T, e *exercise) {
	ctx := t.Context()
	one, two, other := billing.Hold{Key: "XBTMYR", Holder: "1"}, billing.Hold{Key: "XBTMYR", Holder: "2"}, billing.Hold{Key: "ETHMYR", Holder: "2"}
	for _, step := range []struct {
		add  []billing.Hold
		want billing.Taking
	}{
		{[]billing.Hold{one}, billing.Taking{Added: []billing.Hold{one}, Used: 1, More: 1}},
		{[]billing.Hold{one}, billing.Taking{Used: 1}},
		{[]billing.Hold{two}, billing.Taking{Added: []billing.Hold{two}, Used: 1}},
		{[]billing.Hold{other, other, one}, billing.Taking{Added: []billing.Hold{other}, Used: 2, More: 1}},
	} {
		got, err := e.AddHolds(ctx, "a", billing.Pairs, 2, step.add)
		e.ok(err)
		e.same(fmt.Sprintf("adding %v", step.add), got, step.want)
	}
	for _, step := range []struct {
		remove []billing.Hold
		want   int64
	}{
		{[]billing.Hold{one}, 2},
		{[]billing.Hold{one}, 2},
		{[]billing.Hold{two, other}, 0},
		{[]billing.Hold{two, {Key: "never", Holder: "held"}}, 0},
		{nil, 0},
	} {
		e.ok(e.RemoveHolds(ctx, "a", billing.Pairs, step.remove))
		e.same(fmt.Sprintf("used after removing %v", step.remove), e.used("a", billing.Pairs), step.want)
	}
	got, err := e.AddHolds(ctx, "a", billing.Bots, billing.Unlimited, []billing.Hold{one, other})
	e.ok(err)
	e.same("used without a limit", got.Used, int64(2))
}

func refused(t *testing.T, e *exercise) {
	ctx := t.Context()
	hold := func(k string) billing.Hold { return billing.Hold{Key: k, Holder: k} }
	_, err := e.AddHolds(ctx, "a", billing.Bots, 2, []billing.Hold{hold("1")})
	e.ok(err)
	got, err := e.AddHolds(ctx, "a", billing.Bots, 2, []billing.Hold{hold("1"), hold("2"), hold("3")})
	e.ok(err)
	e.same("the refusal", got, billing.Taking{Used: 1, More: 2, Refused: true}) // proves E9, E10
	e.same("used", e.used("a", billing.Bots), int64(1))
	got, err = e.AddHolds(ctx, "a", billing.Bots, 0, []billing.Hold{hold("1")})
	e.ok(err)
	e.same("what is held, above a lower limit", got, billing.Taking{Used: 1})
	got, err = e.AddHolds(ctx, "a", billing.Bots, 2, []billing.Hold{hold("2")})
	e.ok(err)
	e.same("refused", got.Refused, false)
}

func recount(t *testing.T, e *exercise) {
	ctx := t.Context()
	_, err := e.AddHolds(ctx, "a", billing.Bots, 5, []billing.Hold{{Key: "1", Holder: "1"}})
	e.ok(err)
	n, err := e.Recount(ctx, "a")
	e.ok(err)
	e.same("changed", n, 0)
	e.same("used", e.used("a", billing.Bots), int64(1))
}

// invoice returns an open invoice of the subscription.
func invoice(s billing.Subscription, number int64) billing.Invoice {
	return billing.Invoice{
		ID: fmt.Sprintf("%s-%d", s.TenantID, number), TenantID: s.TenantID, SubscriptionID: s.ID, Number: number,
		Kind: billing.InvoiceRenewal, Status: billing.InvoiceOpen, Provider: "offline", Note: "how",
		Lines: []billing.Line{
			{Text: "One", Amount: billing.Money{Minor: 300, Currency: "USD"}},
			{Text: "Two", Amount: billing.Money{Minor: -1, Currency: "USD"}},
		},
		Total:       billing.Money{Minor: 299, Currency: "USD"},
		PeriodStart: Epoch().Add(time.Duration(number) * time.Hour), PeriodEnd: Epoch().Add(time.Duration(number+1) * time.Hour),
		IssuedAt: Epoch(), DueAt: Epoch().Add(time.Hour),
	}
}

func invoices(t *testing.T, e *exercise) {
	ctx := t.Context()
	s := e.create("a")
	first, second := invoice(s, 1), invoice(s, 2)
	for _, i := range []billing.Invoice{first, second} {
		created, err := e.CreateInvoice(ctx, "a", i)
		e.ok(err)
		e.same("created", created, true)
	}
	repeat := first
	repeat.ID, repeat.Number = "third", 3
	created, err := e.CreateInvoice(ctx, "a", repeat) // proves I1
	e.ok(err)
	e.same("the same period created again", created, false)
	repeat.Revision, repeat.Number = 1, 2
	if _, err := e.CreateInvoice(ctx, "a", repeat); err == nil {
		t.Error("a number was used twice")
	}
	got, err := e.Invoices(ctx, "a")
	e.ok(err)
	e.same("the invoices", got, []billing.Invoice{second, first})

	at := Epoch().Add(time.Minute)
	for i, want := range []bool{true, false} {
		settled, err := e.SettleInvoice(ctx, "a", first.ID, fmt.Sprintf("op %d", i), at.Add(time.Duration(i)*time.Hour))
		e.ok(err)
		e.same("settled", settled, want)
	}
	first.Status, first.PaidAt, first.PaidBy = billing.InvoicePaid, at, "op 0"
	paid, err := e.Invoice(ctx, "a", first.ID)
	e.ok(err)
	e.same("the settled invoice", paid, first)
	_, err = e.SettleInvoice(ctx, "a", "none", "op", at)
	e.is(err, billing.ErrNoInvoice)
}

func rollback(t *testing.T, e *exercise) {
	s := e.create("a")
	boom := errors.New("boom")
	err := e.tx.Tx(t.Context(), "a", func(ctx context.Context) error {
		moved := s
		moved.Revision = 9
		_, ierr := e.CreateInvoice(ctx, "a", invoice(s, 1))
		_, aerr := e.AddHolds(ctx, "a", billing.Bots, 1, []billing.Hold{{Key: "1", Holder: "1"}})
		e.ok(errors.Join(ierr, aerr, e.UpdateSubscription(ctx, "a", moved), e.SetOverride(ctx, "a", billing.Override{Feature: billing.Bots, CreatedAt: Epoch()})))
		return boom
	})
	e.is(err, boom)
	got, err := e.Subscription(t.Context(), "a")
	e.ok(err)
	e.same("the subscription", got, s)
	e.same("used", e.used("a", billing.Bots), int64(0))
	list, err := e.Invoices(t.Context(), "a")
	e.ok(err)
	os, err := e.Overrides(t.Context(), "a")
	e.ok(err)
	e.same("invoices and overrides", len(list)+len(os), 0)
}

// crossTenant does everything as b to what belongs to a, and looks whether a's
// is as it was and b has nothing of it.
func crossTenant(t *testing.T, e *exercise) {
	ctx := t.Context()
	s := e.create("a")
	inv := invoice(s, 1)
	hold := billing.Hold{Key: "1", Holder: "1"}
	override := billing.Override{Feature: billing.Bots, Limit: 5, Author: "op", CreatedAt: Epoch()}
	_, err := e.CreateInvoice(ctx, "a", inv)
	e.ok(err)
	_, err = e.AddHolds(ctx, "a", billing.Bots, 1, []billing.Hold{hold})
	e.ok(err)
	e.ok(e.SetOverride(ctx, "a", override))

	_, err = e.Subscription(ctx, "b")
	e.is(err, billing.ErrNoSubscription)
	_, err = e.LockSubscription(ctx, "b")
	e.is(err, billing.ErrNoSubscription)
	stolen := s
	stolen.Revision = 99
	e.is(e.UpdateSubscription(ctx, "b", stolen), billing.ErrNoSubscription)
	_, err = e.Invoice(ctx, "b", inv.ID)
	e.is(err, billing.ErrNoInvoice)
	_, err = e.SettleInvoice(ctx, "b", inv.ID, "thief", Epoch())
	e.is(err, billing.ErrNoInvoice)
	foreign := invoice(s, 2)
	if _, err := e.CreateInvoice(ctx, "b", foreign); err == nil {
		t.Error("b invoiced a's subscription")
	}
	list, err := e.Invoices(ctx, "b")
	e.ok(err)
	e.same("b's invoices", len(list), 0)
	removed, err := e.RemoveOverride(ctx, "b", billing.Bots)
	e.ok(err)
	e.same("b removed a's override", removed, false)
	os, err := e.Overrides(ctx, "b")
	e.ok(err)
	e.same("b's overrides", len(os), 0)
	e.ok(e.SetOverride(ctx, "b", billing.Override{Feature: billing.Bots, Limit: 9, Author: "thief", CreatedAt: Epoch()}))
	e.ok(e.RemoveHolds(ctx, "b", billing.Bots, []billing.Hold{hold}))
	got, err := e.AddHolds(ctx, "b", billing.Bots, 1, []billing.Hold{hold})
	e.ok(err)
	e.same("b's own hold of the same key", got, billing.Taking{Added: []billing.Hold{hold}, Used: 1, More: 1})
	_, err = e.Recount(ctx, "b")
	e.ok(err)
	_, err = e.CreateSubscription(ctx, "b", free("b"))
	e.ok(err)

	after, err := e.Subscription(ctx, "a")
	e.ok(err)
	e.same("a's subscription", after, s)
	left, err := e.Invoices(ctx, "a")
	e.ok(err)
	e.same("a's invoices", left, []billing.Invoice{inv})
	os, err = e.Overrides(ctx, "a")
	e.ok(err)
	e.same("a's overrides", os, []billing.Override{override})
	e.same("a's counter", e.used("a", billing.Bots), int64(1))
	got, err = e.AddHolds(ctx, "a", billing.Bots, 0, []billing.Hold{hold})
	e.ok(err)
	e.same("a's own hold", got, billing.Taking{Used: 1})
	crossTransaction(t, e)
}

// crossTransaction asks inside a transaction of a for the rows of b: every
// method must refuse.
func crossTransaction(t *testing.T, e *exercise) {
	type call = func(ctx context.Context) error
	hold := []billing.Hold{{Key: "1", Holder: "1"}}
	sub := free("b")
	calls := map[string]call{
		"Plan":               func(ctx context.Context) error { _, err := e.Plan(ctx, "b", sub.Plan); return err },
		"CreateSubscription": func(ctx context.Context) error { _, err := e.CreateSubscription(ctx, "b", sub); return err },
		"Subscription":       func(ctx context.Context) error { _, err := e.Subscription(ctx, "b"); return err },
		"LockSubscription":   func(ctx context.Context) error { _, err := e.LockSubscription(ctx, "b"); return err },
		"UpdateSubscription": func(ctx context.Context) error { return e.UpdateSubscription(ctx, "b", sub) },
		"Overrides":          func(ctx context.Context) error { _, err := e.Overrides(ctx, "b"); return err },
		"SetOverride": func(ctx context.Context) error {
			return e.SetOverride(ctx, "b", billing.Override{Feature: billing.Bots})
		},
		"RemoveOverride": func(ctx context.Context) error { _, err := e.RemoveOverride(ctx, "b", billing.Bots); return err },
		"AddHolds":       func(ctx context.Context) error { _, err := e.AddHolds(ctx, "b", billing.Bots, 5, hold); return err },
		"RemoveHolds":    func(ctx context.Context) error { return e.RemoveHolds(ctx, "b", billing.Bots, hold) },
		"Used":           func(ctx context.Context) error { _, err := e.Used(ctx, "b"); return err },
		"Recount":        func(ctx context.Context) error { _, err := e.Recount(ctx, "b"); return err },
		"CreateInvoice":  func(ctx context.Context) error { _, err := e.CreateInvoice(ctx, "b", invoice(sub, 9)); return err },
		"Invoices":       func(ctx context.Context) error { _, err := e.Invoices(ctx, "b"); return err },
		"Invoice":        func(ctx context.Context) error { _, err := e.Invoice(ctx, "b", "b-9"); return err },
		"SettleInvoice":  func(ctx context.Context) error { _, err := e.SettleInvoice(ctx, "b", "b-9", "op", Epoch()); return err },
		"PublishPlan":    func(ctx context.Context) error { return e.PublishPlan(ctx, billing.DefaultCatalog().Lowest(), Epoch()) },
		"DueTenants":     func(ctx context.Context) error { _, err := e.DueTenants(ctx, Epoch(), "", 1); return err },
	}
	e.same("the methods tried", len(calls), reflect.TypeFor[billing.Store]().NumMethod())
	for _, name := range slices.Sorted(maps.Keys(calls)) {
		err := e.tx.Tx(t.Context(), "a", calls[name])
		if err == nil || errs.KindOf(err) != errs.Internal {
			t.Errorf("%s of b in a transaction of a: err = %v, want a refusal", name, err)
		}
	}
}
