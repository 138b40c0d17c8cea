package bot_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/lunobot/lunobot/billing"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/page"
	"github.com/lunobot/lunobot/strategy/param"
)

// ruled are goods whose strategy takes an indicator of the tenant's own.
type ruled struct {
	goods
	own *param.Schema
}

func (r ruled) Schema(context.Context, string, string) (*param.Schema, error) { return r.own, nil }

func (r ruled) Validate(_ context.Context, _, _ string, params json.RawMessage) (json.RawMessage, error) {
	return r.own.Validate(params)
}

// proves E6, E9, D1: own indicators are the plan's by every door of a bot; a refusal has one code, names
// the plan that would do and leaves nothing behind. After a downgrade a bot that runs runs
// on, and what it has stays, but is neither changed nor started again.
func TestOwnIndicatorsAreThePlans(t *testing.T) {
	t.Parallel()
	each(t, func(b *bench) {
		ctx := b.t.Context()
		own, err := param.Of(struct {
			Define string `param:"define" needs:"custom_indicators"`
			Size   int    `param:"size" validate:"min=1"`
		}{Size: 100})
		if err != nil {
			b.t.Fatal(err)
		}
		shop := ruled{goods: b.cfg.Markets.(goods), own: own}
		b.cfg.Markets, b.cfg.Strategies = shop, shop
		if b.Service, err = bot.NewService(b.cfg); err != nil {
			b.t.Fatal(err)
		}
		plan := func(id string) {
			b.t.Helper()
			if _, err := b.billing.ChangePlan(ctx, "tenant-1", billing.ChangePlanInput{Plan: id, Actor: "test", Immediately: true}); err != nil {
				b.t.Fatal(err)
			}
			b.billing.Events.Take()
		}
		refused := func(what string, err error) {
			b.t.Helper()
			b.want(err, errs.LimitExceeded, "not_in_plan")
			var e *errs.Error
			if !errors.As(err, &e) || e.Meta["entitlement"] != "custom_indicators" || e.Meta["upgrade"] != "premium" {
				b.t.Errorf("%s: the refusal says %+v", what, e)
			}
			if told := b.billing.Events.Take(); len(told) != 0 {
				b.t.Errorf("%s: the refusal told %v", what, told)
			}
		}
		const plain, mine, other = `{"define":"","size":50}`, `{"define":"a = close"}`, `{"define":"a = open"}`
		create := func(params string) (bot.Config, error) {
			c, _, err := b.Create(ctx, b.who, bot.CreateInput{Name: "a", Pair: "XBTMYR", Strategy: "cross", Parameters: []byte(params)})
			return c, err
		}
		update := func(c bot.Config, params string) (bot.Config, error) {
			return b.Update(ctx, b.who, c.ID, bot.UpdateInput{Parameters: []byte(params)})
		}
		upgrade := func(c bot.Config, params string) (bot.Config, error) {
			return b.Upgrade(ctx, b.who, c.BotID, bot.UpgradeInput{StrategyVersion: "2.0.0", Parameters: []byte(params)})
		}
		start := func(c bot.Config) error {
			_, err := b.Start(ctx, b.who, c.BotID)
			return err
		}
		stop := func(c bot.Config) {
			b.t.Helper()
			if _, err := b.Stop(ctx, b.who, c.BotID); err != nil {
				b.t.Fatal(err)
			}
			now, err := b.Bot(ctx, b.who, c.BotID)
			if err == nil {
				err = b.Observe(ctx, "tenant-1", c.BotID, now.Run, bot.Stopped, "stopped by you")
			}
			if err != nil {
				b.t.Fatal(err)
			}
			b.billing.Events.Take()
		}

		b.billing.Events.Take()
		_, err = create(mine)
		refused("creating", err)
		if list, err := b.Bots(ctx, b.who, page.Page{}); err != nil || len(list.Items) != 0 || b.used(billing.Bots)+b.used(billing.Pairs) != 0 {
			b.t.Errorf("the refusal left %d bots, %v", len(list.Items), err)
		}
		c, err := create(plain)
		if err != nil {
			b.t.Fatal(err)
		}
		b.billing.Events.Take()
		_, err = update(c, mine)
		refused("changing", err)
		_, err = upgrade(c, mine)
		refused("another version of a bot that is stopped", err)
		if err := start(c); err != nil {
			b.t.Fatal(err)
		}
		b.billing.Events.Take()
		_, err = upgrade(c, mine)
		refused("another version of a bot that runs", err)
		if now, err := b.Config(ctx, b.who, c.ID); err != nil || string(now.Parameters) != plain || now.Version != c.Version || now.Upgrade.Pending() {
			b.t.Errorf("the refusals changed it: %+v, %v", now, err)
		}
		stop(c)

		plan("premium")
		if c, err = update(c, mine); err != nil {
			b.t.Fatal(err)
		}
		if err := start(c); err != nil {
			b.t.Fatal(err)
		}

		plan("basic")
		if now, err := b.Bot(ctx, b.who, c.BotID); err != nil || !now.Desired {
			b.t.Errorf("after the downgrade it does not run on: %+v, %v", now, err)
		}
		if err := start(c); err != nil {
			b.t.Errorf("starting what runs: %v", err)
		}
		stop(c)
		refused("starting again", start(c))
		if now, err := b.Bot(ctx, b.who, c.BotID); err != nil || now.Desired || b.used(billing.RunningBots) != 0 {
			b.t.Errorf("the refusal left it %+v, %v", now, err)
		}
		name := "b"
		if now, err := b.Update(ctx, b.who, c.ID, bot.UpdateInput{Name: &name}); err != nil || string(now.Parameters) != string(c.Parameters) {
			b.t.Errorf("another name: %s, %v", now.Parameters, err)
		}
		b.billing.Events.Take()
		_, err = update(c, other)
		refused("another indicator", err)
		if c, err = update(c, plain); err != nil {
			b.t.Fatal(err)
		}
		if err := start(c); err != nil {
			b.t.Errorf("without an indicator it does not start: %v", err)
		}
	})
}
