package bot_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/lunobot/lunobot/billing"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/page"
)

// mixed is a bot of several pairs that could be made.
func mixed(also ...string) bot.CreateInput {
	return bot.CreateInput{Name: "a", Pair: "XBTMYR", Also: also, Strategy: "mix"}
}

// Whatever a bot cannot trade is refused where it is made or changed, and names the
// field.
func TestFurtherPairsThatCannotBeTradedAreNamed(t *testing.T) {
	t.Parallel()
	each(t, func(b *bench) {
		ctx := b.t.Context()
		c, _, err := b.Create(ctx, b.who, mixed("ETHMYR"))
		if err != nil {
			b.t.Fatal(err)
		}
		one := func(err error, path, reason string) {
			b.t.Helper()
			var e *errs.Error
			if !errors.As(err, &e) || errs.KindOf(err) != errs.Invalid || len(e.Fields) != 1 || e.Fields[0] != (errs.Field{Path: path, Reason: reason}) {
				b.t.Errorf("%v, want that %s %s", err, path, reason)
			}
		}
		for _, bad := range []struct {
			also         []string
			path, reason string
		}{
			{[]string{"ETHMYR", "NOPE"}, "/further_pairs/1", "is not a pair that is traded here: XBTMYR, ETHMYR, SOLMYR, XRPMYR, LTCMYR, BCHMYR, ETHZAR, MYRXBT"},
			{[]string{"XBTMYR"}, "/further_pairs/0", "is the bot's own pair: choose another beside it"},
			{[]string{"ETHMYR", "SOLMYR", "ETHMYR"}, "/further_pairs/2", "is there twice"},
			{[]string{"ETHZAR"}, "/further_pairs/0", "is paid in ZAR, and the balance is in MYR: all pairs need one currency"},
		} {
			_, _, err := b.Create(ctx, b.who, mixed(bad.also...))
			one(err, bad.path, bad.reason)
			_, err = b.Update(ctx, b.who, c.ID, bot.UpdateInput{Also: bad.also})
			one(err, bad.path, bad.reason)
			one(b.Check(ctx, b.who, mixed(bad.also...)), bad.path, bad.reason)
		}
		_, _, err = b.Create(ctx, b.who, bot.CreateInput{Name: "a", Pair: "XBTMYR", Also: []string{"ETHMYR"}, Strategy: "cross"})
		one(err, "/further_pairs", "must be empty: cross trades one pair only")
		in := mixed("ETHMYR")
		in.Parameters = json.RawMessage(`{"fast":1,"slow":99}`)
		_, _, err = b.Create(ctx, b.who, in)
		one(err, "/parameters/slow", "does not go with XBTMYR")
		_, err = b.Update(ctx, b.who, c.ID, bot.UpdateInput{Parameters: in.Parameters})
		one(err, "/parameters/slow", "does not go with XBTMYR")
		if got, _ := b.Bots(ctx, b.who, page.Page{}); len(got.Items) != 1 || b.used(billing.Pairs) != 2 { // proves E9
			b.t.Errorf("refusals left %d bots and %d pairs", len(got.Items), b.used(billing.Pairs))
		}
	})
}

// A version that trades one pair only does not get a bot of several.
func TestUpgradeToAVersionOfOnePairIsRefused(t *testing.T) {
	t.Parallel()
	each(t, func(b *bench) {
		ctx := b.t.Context()
		if err := b.store.InsertEntry(ctx, catalog.Entry{Ref: catalog.Ref{Name: "mix", Version: "2.0.0"}, Status: catalog.Approved, Isolation: catalog.Shared, InstalledAt: time.Now()}); err != nil {
			b.t.Fatal(err)
		}
		_, several, err := b.Create(ctx, b.who, mixed("ETHMYR"))
		if err != nil {
			b.t.Fatal(err)
		}
		_, err = b.Upgrade(ctx, b.who, several.ID, bot.UpgradeInput{StrategyVersion: "2.0.0"})
		var e *errs.Error
		if !errors.As(err, &e) || len(e.Fields) != 1 || e.Fields[0].Path != "/strategy_version" {
			b.t.Errorf("a bot of two pairs: %v", err)
		}
		_, single, err := b.Create(ctx, b.who, mixed())
		if err != nil {
			b.t.Fatal(err)
		}
		if _, err := b.Upgrade(ctx, b.who, single.ID, bot.UpgradeInput{StrategyVersion: "2.0.0"}); err != nil {
			b.t.Errorf("a bot of one pair: %v", err)
		}
	})
}

// proves E1, E6, E9: every different pair of a tenant's bots counts, and what is above
// the plan is refused whole, at the making of a bot and at a change.
func TestFurtherPairsCountTowardThePlan(t *testing.T) {
	t.Parallel()
	each(t, func(b *bench) {
		ctx := b.t.Context()
		pairs := func(want int64) {
			b.t.Helper()
			if got := b.used(billing.Pairs); got != want {
				b.t.Errorf("%d pairs count, want %d", got, want)
			}
		}
		first, made, err := b.Create(ctx, b.who, mixed("ETHMYR", "SOLMYR"))
		if err != nil || !slices.Equal(first.Also, made.Also) || !slices.Equal(made.Pairs(), []string{"XBTMYR", "ETHMYR", "SOLMYR"}) {
			b.t.Fatalf("%+v, %v", first, err)
		}
		second, _, err := b.Create(ctx, b.who, bot.CreateInput{Name: "b", Pair: "ETHMYR", Also: []string{"XRPMYR", "LTCMYR"}, Strategy: "mix"})
		if err != nil {
			b.t.Fatal(err)
		}
		pairs(5)
		_, _, err = b.Create(ctx, b.who, mixed("BCHMYR"))
		b.want(err, errs.LimitExceeded, "limit_exceeded")
		_, err = b.Update(ctx, b.who, first.ID, bot.UpdateInput{Also: []string{"ETHMYR", "SOLMYR", "BCHMYR"}})
		b.want(err, errs.LimitExceeded, "limit_exceeded")
		pairs(5)
		if c, err := b.Config(ctx, b.who, first.ID); err != nil || !slices.Equal(c.Also, []string{"ETHMYR", "SOLMYR"}) || c.Version != 1 {
			b.t.Errorf("the refused change left %+v, %v", c, err)
		}
		// A pair that is given up makes room in the same change, also for a pair that
		// another bot has too.
		changed, err := b.Update(ctx, b.who, first.ID, bot.UpdateInput{Also: []string{"BCHMYR", "ETHMYR"}})
		if err != nil || !slices.Equal(changed.Also, []string{"BCHMYR", "ETHMYR"}) {
			b.t.Fatalf("%+v, %v", changed, err)
		}
		if now, err := b.Bot(ctx, b.who, made.ID); err != nil || !slices.Equal(now.Also, changed.Also) {
			b.t.Errorf("the bot trades %v, %v", now.Pairs(), err)
		}
		pairs(5)
		if _, err := b.Update(ctx, b.who, first.ID, bot.UpdateInput{Also: []string{}}); err != nil {
			b.t.Fatal(err)
		}
		pairs(4)
		if err := b.Delete(ctx, b.who, second.BotID); err != nil {
			b.t.Fatal(err)
		}
		pairs(1)
	})
}

// proves E5: changes and deletions of one bot at once leave the counter of pairs right:
// who waited for the other sees what it did.
func TestCounterOfPairsInRaces(t *testing.T) {
	t.Parallel()
	each(t, func(b *bench) {
		ctx := b.t.Context()
		for round := range 12 {
			c, made, err := b.Create(ctx, b.who, mixed("ETHMYR"))
			if err != nil {
				b.t.Fatal(err)
			}
			var wg sync.WaitGroup
			name := "other"
			for _, change := range []func() error{
				func() error { _, err := b.Update(ctx, b.who, c.ID, bot.UpdateInput{Also: []string{}}); return err },
				func() error {
					_, err := b.Update(ctx, b.who, c.ID, bot.UpdateInput{Name: &name, Version: 2})
					return err
				},
				func() error {
					_, err := b.Update(ctx, b.who, c.ID, bot.UpdateInput{Also: []string{"SOLMYR"}})
					return err
				},
				func() error {
					if round%2 == 0 {
						return nil
					}
					return b.Delete(ctx, b.who, made.ID)
				},
			} {
				wg.Go(func() { _ = change() }) // some lose, as they should
			}
			wg.Wait()
			truth := map[string]bool{}
			if one, err := b.Bot(ctx, b.who, made.ID); err == nil {
				for _, pair := range one.Pairs() {
					truth[pair] = true
				}
			}
			if got := b.used(billing.Pairs); got != int64(len(truth)) {
				b.t.Fatalf("round %d: %d pairs count, and there are %d", round, got, len(truth))
			}
			_ = b.Delete(ctx, b.who, made.ID) // if it is still there
			if got := b.used(billing.Pairs); got != 0 {
				b.t.Fatalf("round %d: %d pairs count, and there is no bot", round, got)
			}
		}
	})
}

// proves E5: after any mix of makings, changes and deletions, refused ones among them,
// the counter is the number of different pairs of the bots that there are, and repair
// finds nothing to do.
func TestCounterOfPairsEqualsTruth(t *testing.T) {
	t.Parallel()
	each(t, func(b *bench) {
		ctx := b.t.Context()
		chance := rand.New(rand.NewPCG(3, 9))
		refused := 0
		for range 80 {
			list, err := b.Bots(ctx, b.who, page.Page{})
			if err != nil {
				b.t.Fatal(err)
			}
			all := []string{"ETHMYR", "SOLMYR", "XRPMYR", "LTCMYR", "BCHMYR"}
			chance.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			also := all[:chance.IntN(len(all))]
			switch n := len(list.Items); {
			case n == 0 || chance.IntN(3) == 0:
				_, _, err = b.Create(ctx, b.who, mixed(also...))
			case chance.IntN(3) == 0:
				err = b.Delete(ctx, b.who, list.Items[chance.IntN(n)].ID)
			default:
				_, err = b.Update(ctx, b.who, list.Items[chance.IntN(n)].ConfigID, bot.UpdateInput{Also: also})
			}
			if err != nil {
				b.want(err, errs.LimitExceeded, "limit_exceeded")
				refused++
			}
			list, err = b.Bots(ctx, b.who, page.Page{})
			if err != nil {
				b.t.Fatal(err)
			}
			truth := map[string]bool{}
			for _, one := range list.Items {
				for _, pair := range one.Pairs() {
					truth[pair] = true
				}
			}
			if got := b.used(billing.Pairs); got != int64(len(truth)) {
				b.t.Fatalf("%d pairs count, and there are %d", got, len(truth))
			}
		}
		if repaired, err := b.billing.Gate().Repair(ctx, "tenant-1"); err != nil || repaired != 0 {
			b.t.Errorf("%d counters were wrong, %v", repaired, err)
		}
		if refused == 0 {
			b.t.Error("nothing was refused: the run proves little")
		}
	})
}
