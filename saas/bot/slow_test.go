package bot_test

import (
	"context"
	"testing"
	"time"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/tenancy"
)

// upgradable makes a stopped bot of "mix" that can be upgraded to a version 2.0.0.
func (b *bench) upgradable() (bot.Config, bot.Bot) {
	b.t.Helper()
	ref := catalog.Ref{Name: "mix", Version: "2.0.0"}
	if err := b.store.InsertEntry(b.t.Context(), catalog.Entry{Ref: ref, Status: catalog.Approved, Isolation: catalog.Shared, InstalledAt: time.Now()}); err != nil {
		b.t.Fatal(err)
	}
	c, made, err := b.Create(b.t.Context(), b.who, mixed())
	if err != nil {
		b.t.Fatal(err)
	}
	return c, made
}

// proves PL5: a strategy that is slow to say what it can trade holds up no other
// tenant's write, whichever change of a bot asks it.
func TestSlowStrategyHoldsUpNobodyElse(t *testing.T) {
	t.Parallel()
	each(t, func(b *bench) {
		ctx, cancel := context.WithTimeout(b.t.Context(), time.Minute)
		defer cancel()
		b.billing.Tenant(b.t, "tenant-2", "basic")
		other := tenancy.Principal{UserID: "user-2", TenantID: "tenant-2", Role: tenancy.Owner}
		c, made := b.upgradable()
		asked, answer := make(chan struct{}), make(chan struct{})
		b.slow = func(name string) {
			if name == "mix" {
				asked <- struct{}{}
				<-answer
			}
		}
		name := "renamed"
		for what, change := range map[string]func() error{
			"creating": func() error {
				_, _, err := b.Create(ctx, b.who, mixed("ETHMYR"))
				return err
			},
			"changing": func() error {
				_, err := b.Update(ctx, b.who, c.ID, bot.UpdateInput{Name: &name})
				return err
			},
			"upgrading": func() error {
				_, err := b.Upgrade(ctx, b.who, made.ID, bot.UpgradeInput{StrategyVersion: "2.0.0"})
				return err
			},
		} {
			done := make(chan error, 1)
			go func() { done <- change() }()
			<-asked
			_, theirs, err := b.Create(ctx, other, bot.CreateInput{Name: what, Pair: "XBTMYR", Strategy: "cross"})
			if err == nil {
				err = b.Delete(ctx, other, theirs.ID)
			}
			if err != nil {
				b.t.Errorf("while the strategy is asked for %s, another tenant's write gave %v", what, err)
			}
			answer <- struct{}{}
			if err := <-done; err != nil {
				b.t.Errorf("%s: %v", what, err)
			}
		}
	})
}

// What was changed while the strategy was asked is neither lost nor written over: the
// strategy is asked again of what there is now, and given up on after some times.
func TestConfigurationThatChangesWhileItsStrategyIsAsked(t *testing.T) {
	t.Parallel()
	each(t, func(b *bench) {
		ctx := b.t.Context()
		c, made := b.upgradable()
		times, most := 0, 1
		other := func(string) { // somebody else's change, which asks nothing
			if times++; times > most {
				return
			}
			now, err := b.store.Config(ctx, "tenant-1", c.ID)
			if err == nil {
				now.Risk.MaxPosition = now.Risk.MaxPosition.Add(now.Balance)
				_, err = b.store.UpdateConfig(ctx, "tenant-1", now)
			}
			if err != nil {
				b.t.Error(err)
			}
		}
		b.slow = other
		name := "renamed"
		got, err := b.Update(ctx, b.who, c.ID, bot.UpdateInput{Name: &name})
		if err != nil || got.Name != name || !got.Risk.MaxPosition.Equal(c.Balance) || got.Version != c.Version+2 || times != 2 {
			b.t.Errorf("after %d times asked it is %+v, %v", times, got, err)
		}
		times = 0
		got, err = b.Upgrade(ctx, b.who, made.ID, bot.UpgradeInput{StrategyVersion: "2.0.0"})
		if err != nil || got.StrategyVersion != "2.0.0" || got.Name != name || !got.Risk.MaxPosition.Equal(c.Balance.Add(c.Balance)) || times != 2 {
			b.t.Errorf("after %d times asked it is upgraded to %+v, %v", times, got, err)
		}
		times, most = 0, 100
		_, err = b.Update(ctx, b.who, c.ID, bot.UpdateInput{Name: &c.Name})
		b.want(err, errs.Stale, "config_changed")
		seen := got.Version
		times, most = 0, 1
		_, err = b.Update(ctx, b.who, c.ID, bot.UpdateInput{Name: &c.Name, Version: seen})
		b.want(err, errs.Stale, "config_changed") // what the caller saw is not what there is
		if now, err := b.Config(ctx, b.who, c.ID); err != nil || now.Name != name {
			b.t.Errorf("the refused changes left the name %q, %v", now.Name, err)
		}
	})
}

// A version that was taken away while it was asked is not pinned, and a bot that was
// started meanwhile is not changed.
func TestVersionThatGoesWhileItIsAsked(t *testing.T) {
	t.Parallel()
	each(t, func(b *bench) {
		ctx := b.t.Context()
		c, made := b.upgradable()
		name := "renamed"
		b.slow = func(string) { b.gone = true }
		_, _, err := b.Create(ctx, b.who, mixed())
		b.want(err, errs.Conflict, "strategy_unknown")
		b.gone = false
		_, err = b.Update(ctx, b.who, c.ID, bot.UpdateInput{Name: &name})
		b.want(err, errs.Conflict, "strategy_unknown")
		b.gone = false
		_, err = b.Upgrade(ctx, b.who, made.ID, bot.UpgradeInput{StrategyVersion: "2.0.0"})
		b.want(err, errs.Conflict, "strategy_unknown")
		b.gone = false
		b.slow = func(string) {
			if _, err := b.Start(ctx, b.who, made.ID); err != nil {
				b.t.Error(err)
			}
		}
		_, err = b.Update(ctx, b.who, c.ID, bot.UpdateInput{Name: &name})
		b.want(err, errs.Conflict, "bot_running")
		if now, err := b.Config(ctx, b.who, c.ID); err != nil || now.Name != c.Name || now.StrategyVersion != "" || now.Version != c.Version {
			b.t.Errorf("the refused changes left %+v, %v", now, err)
		}
	})
}
