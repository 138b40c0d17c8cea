package bot_test

import (
	"errors"
	"testing"

	"github.com/lunobot/lunobot/billing"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/page"
)

// proves E6, E9: which isolation a tenant may ask for is its plan's; a refusal has
// one code, names the plan that would do, and leaves nothing behind.
func TestIsolationIsThePlans(t *testing.T) {
	t.Parallel()
	each(t, func(b *bench) {
		ctx := b.t.Context()
		plan := func(id string) {
			b.t.Helper()
			if _, err := b.billing.ChangePlan(ctx, "tenant-1", billing.ChangePlanInput{Plan: id, Actor: "test", Immediately: true}); err != nil {
				b.t.Fatal(err)
			}
		}
		refused := func(err error, need, upgrade string) {
			b.t.Helper()
			b.want(err, errs.LimitExceeded, "not_in_plan")
			var e *errs.Error
			if !errors.As(err, &e) || e.Meta["entitlement"] != need || e.Meta["upgrade"] != upgrade {
				b.t.Errorf("the refusal says %+v, want %s and %s", e.Meta, need, upgrade)
			}
		}
		ask := func(i catalog.Isolation) (bot.Config, error) {
			c, _, err := b.Create(ctx, b.who, bot.CreateInput{Name: "a", Pair: "XBTMYR", Strategy: "cross", Isolation: i})
			return c, err
		}
		b.billing.Events.Take()
		_, err := ask(catalog.PerTenant)
		refused(err, "isolation_tenant", "premium")
		_, err = ask(catalog.PerBot)
		refused(err, "isolation_bot", "enterprise")
		list, err := b.Bots(ctx, b.who, page.Page{})
		if told := b.billing.Events.Take(); err != nil || len(list.Items) != 0 || b.used(billing.Bots)+b.used(billing.Pairs) != 0 || len(told) != 0 {
			b.t.Errorf("refusals left %d bots, %v, events %v", len(list.Items), err, told)
		}

		plan("premium")
		c, err := ask(catalog.PerTenant)
		if err != nil || c.Isolation != catalog.PerTenant {
			b.t.Fatalf("%s, %v", c.Isolation, err)
		}
		change := func(i catalog.Isolation) (bot.Config, error) {
			return b.Update(ctx, b.who, c.ID, bot.UpdateInput{Isolation: &i})
		}
		_, err = change(catalog.PerBot)
		refused(err, "isolation_bot", "enterprise")
		if now, err := b.Config(ctx, b.who, c.ID); err != nil || now.Isolation != catalog.PerTenant || now.Version != c.Version {
			b.t.Errorf("the refusal changed it: %+v, %v", now, err)
		}
		plan("enterprise")
		if now, err := change(catalog.PerBot); err != nil || now.Isolation != catalog.PerBot {
			b.t.Errorf("%s, %v", now.Isolation, err)
		}

		// After a downgrade it may keep what it has and go down, and not up.
		plan("basic")
		name := "b"
		if now, err := b.Update(ctx, b.who, c.ID, bot.UpdateInput{Name: &name}); err != nil || now.Isolation != catalog.PerBot {
			b.t.Errorf("another name: %s, %v", now.Isolation, err)
		}
		_, err = change(catalog.PerTenant)
		refused(err, "isolation_tenant", "premium")
		if now, err := change(catalog.Shared); err != nil || now.Isolation != catalog.Shared {
			b.t.Errorf("%s, %v", now.Isolation, err)
		}
	})
}
