package saas_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/lunobot/lunobot/billing"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/errs"
)

func (s *shop) config(b bot.Bot) bot.Config {
	s.t.Helper()
	c, err := s.app.Bots().Config(s.t.Context(), s.who, b.ConfigID)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// upgrade asks for a version, which the App may have to notice first.
func (s *shop) upgrade(b bot.Bot, version string) {
	s.t.Helper()
	s.until("the version is offered", func() bool {
		_, err := s.app.Bots().Upgrade(s.t.Context(), s.who, b.ID, bot.UpgradeInput{StrategyVersion: version})
		if err != nil && errs.KindOf(err) != errs.Invalid {
			s.t.Fatal(err)
		}
		return err == nil
	})
}

// pulseState is what a checkpoint says of a bot of the test plugin.
type pulseState struct {
	Engine struct {
		Sequence int `json:"sequence"`
	} `json:"engine"`
	Strategy struct {
		Version int            `json:"version"`
		Data    map[string]int `json:"data"`
	} `json:"strategy"`
}

// seen is how many candles the strategy has counted in its state.
func (p pulseState) seen() int { return p.Strategy.Data[fmt.Sprintf("seen%d", p.Strategy.Version)] }

// state waits for a checkpoint with a state of a version and returns it.
func (s *shop) state(b bot.Bot, version int) (p pulseState) {
	s.t.Helper()
	s.until(fmt.Sprintf("a state of version %d", version), func() bool {
		cp, err := s.store.Checkpoint(s.t.Context(), s.who.TenantID, b.ID)
		if errs.KindOf(err) == errs.NotFound {
			return false
		}
		p = pulseState{}
		if err := errors.Join(err, json.Unmarshal(cp.State, &p)); err != nil {
			s.t.Fatal(err)
		}
		return p.Strategy.Version == version && p.seen() > 5
	})
	return p
}

// proves PL7: an upgrade goes on with the state, which the newer version upgrades;
// a refused one rolls back and says why; and so does the way back to a version that would
// misread the newer state, which says how to go back all the same.
func TestUpgradesOfABot(t *testing.T) {
	t.Parallel()
	files := sync.OnceValue(func() []string { return []string{pulse(t, "1.0.0"), pulse(t, "1.1.0"), pulse(t, "2.0.0")} })
	dbtest.EachURL(t, func(t *testing.T, url string) {
		s := openShop(t, url, files()...)
		ctx := t.Context()
		b := s.create(bot.CreateInput{Strategy: "pulse", StrategyVersion: "1.0.0", Parameters: []byte(`{"every":3}`)})
		s.begin(b)
		before := s.state(b, 1)
		// It takes no signals, though newer versions do.
		if _, _, err := s.app.Hooks().Create(ctx, s.who, b.ID); errs.CodeOf(err) != "strategy_takes_no_signals" || !strings.Contains(err.Error(), "pulse 1.0.0") {
			t.Errorf("a webhook of a version that takes no signals gave %v", err)
		}
		if _, err := s.app.Bots().Upgrade(ctx, s.who, b.ID, bot.UpgradeInput{StrategyVersion: "1.0.0"}); errs.CodeOf(err) != "strategy_version_same" {
			t.Errorf("an upgrade to the same version gave %v", err)
		}
		if _, err := s.app.Bots().Upgrade(ctx, s.who, b.ID, bot.UpgradeInput{StrategyVersion: "1.1.0", Parameters: []byte(`{"odd":1}`)}); errs.KindOf(err) != errs.Invalid {
			t.Errorf("parameters that the version has not gave %v", err)
		}
		s.upgrade(b, "1.1.0")
		s.until("the upgrade", func() bool { return s.config(b).StrategyVersion == "1.1.0" })
		after := s.state(b, 2)
		if lost := (after.Engine.Sequence - after.seen()) - (before.Engine.Sequence - before.seen()); lost != 0 {
			t.Errorf("%d candles were lost: before %+v, after %+v", lost, before, after)
		}

		if _, _, err := s.app.Hooks().Create(ctx, s.who, b.ID); err != nil {
			t.Errorf("a webhook of the version that it has now gave %v", err)
		}

		for version, why := range map[string]string{"2.0.0": "pulse 2.0.0 reads no state of version 2", "1.0.0": "the state has version 2 and pulse 1.0.0 reads none above 1: a newer version of the strategy has written it. " +
			"To go back to that version, stop the bot, change its version and start it: the strategy begins anew, with the account and the position as they are"} {
			s.upgrade(b, version)
			s.until("the refusal", func() bool { return strings.Contains(s.config(b).Upgrade.Fault, why) })
			if c := s.config(b); c.StrategyVersion != "1.1.0" || c.Upgrade.Pending() {
				t.Errorf("it is pinned to %s, upgrade %+v", c.StrategyVersion, c.Upgrade)
			}
			s.trades(b)
			if now := s.now(b); now.Status != bot.Running || now.StrategyVersion != "1.1.0" {
				t.Errorf("it is %s with %s", now.Status, now.StrategyVersion)
			}
		}
		if end := s.state(b, 2); end.Engine.Sequence-end.seen() != before.Engine.Sequence-before.seen() || end.seen() <= after.seen() {
			t.Errorf("candles were lost: before %+v, in the end %+v", before, end)
		}

		// A stopped bot is pinned at once and begins anew, in the account that it has.
		ledger, fills := s.now(b).Ledger, s.fillsOf(b)
		if _, err := s.app.Bots().Stop(ctx, s.who, b.ID); err != nil {
			t.Fatal(err)
		}
		s.until("the bot stops", func() bool { return s.now(b).Status == bot.Stopped })
		s.upgrade(b, "1.0.0")
		if c := s.config(b); c.StrategyVersion != "1.0.0" || c.Upgrade.Fault != "" {
			t.Errorf("it is pinned to %s, upgrade %+v", c.StrategyVersion, c.Upgrade)
		}
		s.begin(b)
		if anew := s.state(b, 1); anew.seen() >= anew.Engine.Sequence {
			t.Errorf("it goes on counting: %+v", anew)
		}
		s.trades(b)
		if now := s.now(b); now.Ledger != ledger || s.fillsOf(b) <= fills {
			t.Errorf("it has another account: ledger %d and %d fills, before %d and %d", now.Ledger, s.fillsOf(b), ledger, fills)
		}
	})
}

// Bots of a version that an operator isolates by tenant have another process.
func TestIsolationOfAVersion(t *testing.T) {
	t.Parallel()
	s := openShop(t, dbtest.SQLiteURL(t), pulse(t, "1.0.0"))
	ref := catalog.Ref{Name: "pulse", Version: "1.0.0"}
	b := s.create(bot.CreateInput{Strategy: "pulse", Parameters: []byte(`{"every":1}`)})
	s.begin(b)
	s.trades(b)
	shared, err := s.app.Host().Process(t.Context(), ref.String(), "shared")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.app.Catalog().Isolate(t.Context(), ref, "ada", catalog.PerTenant); err != nil {
		t.Fatal(err)
	}
	s.until("the bot moves", func() bool { return shared.Bots() == 0 })
	s.trades(b)
	own, err := s.app.Host().Process(t.Context(), ref.String(), catalog.PerTenant.Key(s.who.TenantID, b.ID))
	if err != nil {
		t.Fatal(err)
	}
	if own.ID() == shared.ID() || own.ID() == strconv.Itoa(os.Getpid()) || own.Bots() != 1 {
		t.Errorf("its process is %s with %d bots, the shared one %s", own.ID(), own.Bots(), shared.ID())
	}
}

// A bot has the isolation that it asks for as far as the plan allows it: after a
// downgrade it moves to the process that the others share.
func TestIsolationFollowsThePlan(t *testing.T) {
	t.Parallel()
	files := sync.OnceValue(func() string { return pulse(t, "1.0.0") })
	dbtest.EachURL(t, func(t *testing.T, url string) {
		s := openShop(t, url, files())
		b := s.create(bot.CreateInput{Strategy: "pulse", Parameters: []byte(`{"every":1}`), Isolation: catalog.PerTenant})
		s.begin(b)
		s.trades(b)
		bots := func(key string) int {
			p, err := s.app.Host().Process(t.Context(), "pulse@1.0.0", key)
			if err != nil {
				t.Fatal(err)
			}
			return p.Bots()
		}
		own := catalog.PerTenant.Key(s.who.TenantID, b.ID)
		if bots(own) != 1 || bots("shared") != 0 {
			t.Errorf("%d bots in the tenant's process, %d in the shared one", bots(own), bots("shared"))
		}
		if _, err := s.app.Billing().ChangePlan(t.Context(), s.who.TenantID, billing.ChangePlanInput{Plan: "basic", Actor: "ada", Immediately: true}); err != nil {
			t.Fatal(err)
		}
		s.until("the bot moves", func() bool { return bots(own) == 0 && bots("shared") == 1 })
		s.trades(b)
		if c := s.config(b); c.Isolation != catalog.PerTenant {
			t.Errorf("its wish was changed to %s", c.Isolation)
		}
	})
}
