package saas_test

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/lunobot/lunobot/billing"
	"github.com/lunobot/lunobot/saas"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/research"
	"github.com/lunobot/lunobot/strategy/pluginhost"
)

// shop is an App at work with strategies that were put in.
type shop struct {
	*life
	dir string
}

// pulse builds a version of the test plugin.
func pulse(t *testing.T, version string) string {
	t.Helper()
	return shared.build(t, "-ldflags", "-X main.version="+version, "../strategy/strategytest/testdata/pulse")
}

// openShop starts an App and puts in and approves versions of the test plugin.
func openShop(t *testing.T, url string, files ...string) *shop {
	t.Helper()
	dir := t.TempDir()
	s := &shop{life: liveOn(t, saas.Config{DatabaseURL: url, DataDir: dir}), dir: saas.DefaultPluginDir(dir)}
	if _, err := s.app.Billing().ChangePlan(t.Context(), s.who.TenantID, billing.ChangePlanInput{Plan: "premium", Actor: s.who.UserID}); err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		e, err := s.app.Catalog().Install(t.Context(), catalog.InstallInput{Path: file, By: "ada"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.app.Catalog().Approve(t.Context(), e.Ref, "ada"); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// create makes a bot of a version; the App may have to notice that first.
func (s *shop) create(in bot.CreateInput) bot.Bot {
	s.t.Helper()
	in.Name, in.Pair = "of a plugin", "XBTMYR"
	var made bot.Bot
	s.until("the strategy is offered", func() bool {
		var err error
		_, made, err = s.app.Bots().Create(s.t.Context(), s.who, in)
		if err != nil && errs.KindOf(err) != errs.Invalid {
			s.t.Fatal(err)
		}
		return err == nil
	})
	return made
}

func (s *shop) begin(b bot.Bot) {
	s.t.Helper()
	if _, err := s.app.Bots().Start(s.t.Context(), s.who, b.ID); err != nil {
		s.t.Fatal(err)
	}
}

func (s *shop) now(b bot.Bot) bot.Bot {
	s.t.Helper()
	now, err := s.app.Bots().Bot(s.t.Context(), s.who, b.ID)
	if err != nil {
		s.t.Fatal(err)
	}
	return now
}

// fillsOf counts the fills of a bot.
func (s *shop) fillsOf(b bot.Bot) int {
	of := *s.life
	of.bot = b
	return len(of.fills())
}

// trades waits until a bot has traded on.
func (s *shop) trades(b bot.Bot) {
	s.t.Helper()
	n := s.fillsOf(b)
	s.until(b.Strategy+" trades", func() bool { return s.fillsOf(b) >= n+2 })
}

func (s *shop) pauses(b bot.Bot, reason string) {
	s.t.Helper()
	s.until("the bot pauses", func() bool { return s.now(b).Status == bot.Paused })
	if got := s.now(b).Reason; !strings.Contains(got, reason) {
		s.t.Errorf("it pauses because %q, want %q", got, reason)
	}
}

// A backtest runs the version that is asked for, such as that of a bot, and its report
// says which one ran; what is not asked for is the newest.
func TestBacktestOfAVersion(t *testing.T) {
	t.Parallel()
	s := openShop(t, dbtest.SQLiteURL(t), pulse(t, "1.0.0"), pulse(t, "1.1.0"))
	ctx := t.Context()
	b := s.create(bot.CreateInput{Strategy: "pulse", StrategyVersion: "1.0.0", Parameters: []byte(`{"every":1}`)})
	ran := func(version string) string {
		t.Helper()
		var r research.Run
		s.until("the version is offered", func() (ok bool) {
			var err error
			r, err = s.app.Backtests().Create(ctx, s.who, research.CreateInput{Pair: "XBTMYR", Strategy: "pulse", StrategyVersion: version})
			return err == nil
		})
		s.until("the backtest is over", func() bool {
			now, err := s.app.Backtests().Run(ctx, s.who, r.ID)
			return err == nil && now.Status.Over()
		})
		raw, err := s.app.Backtests().Result(ctx, s.who, r.ID, research.PartDocument)
		if err != nil {
			t.Fatal(err)
		}
		if raw, err = research.Document(raw); err != nil {
			t.Fatal(err)
		}
		var document struct {
			Strategy struct{ Name, Version string }
		}
		if err := json.Unmarshal(raw, &document); err != nil {
			t.Fatal(err)
		}
		return r.StrategyVersion + " reports " + document.Strategy.Version
	}
	if got, want := ran(b.StrategyVersion), "1.0.0 reports 1.0.0"; got != want {
		t.Errorf("in the bot's version: %s, want %s", got, want)
	}
	if got, want := ran(""), "1.1.0 reports 1.1.0"; got != want {
		t.Errorf("in none that was asked for: %s, want %s", got, want)
	}
	_, err := s.app.Backtests().Create(ctx, s.who, research.CreateInput{Pair: "XBTMYR", Strategy: "pulse", StrategyVersion: "9.0.0"})
	if errs.KindOf(err) != errs.Invalid || !strings.Contains(err.Error(), "strategy_version") {
		t.Errorf("a version that is not there gave %v", err)
	}
}

// proves PL5: approvals and revocations are seen while the server runs; a
// revoked version and a changed file pause their bots and no other.
func TestStrategiesThatWerePutIn(t *testing.T) {
	t.Parallel()
	first, second := sync.OnceValue(func() string { return pulse(t, "1.0.0") }), sync.OnceValue(func() string { return pulse(t, "1.1.0") })
	dbtest.EachURL(t, func(t *testing.T, url string) {
		s := openShop(t, url, first())
		ctx, ref := t.Context(), catalog.Ref{Name: "pulse", Version: "1.0.0"}
		a := s.create(bot.CreateInput{Strategy: "pulse", Parameters: []byte(`{"every":1}`)})
		if a.StrategyVersion != "1.0.0" {
			t.Errorf("it is pinned to %q", a.StrategyVersion)
		}
		newer, err := s.app.Catalog().Install(ctx, catalog.InstallInput{Path: second(), By: "ada"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.app.Catalog().Approve(ctx, newer.Ref, "ada"); err != nil {
			t.Fatal(err)
		}
		b := s.create(bot.CreateInput{Strategy: "pulse", StrategyVersion: "1.1.0", Parameters: []byte(`{"every":1}`)})
		s.begin(a)
		s.begin(b)
		s.trades(a)
		s.trades(b)
		if now := s.now(a); now.StrategyVersion != "1.0.0" {
			t.Errorf("a newer version moved it to %s", now.StrategyVersion)
		}
		if err := s.app.Catalog().Remove(ctx, ref, "ada"); errs.CodeOf(err) != "strategy_version_pinned" {
			t.Errorf("removing what is pinned gave %v", err)
		}

		if _, err := s.app.Catalog().Revoke(ctx, ref, "ada", "it loses"); err != nil {
			t.Fatal(err)
		}
		s.pauses(a, "pulse 1.0.0 cannot be used: its approval was revoked (it loses)")
		s.trades(b)
		if now := s.now(b); now.Status != bot.Running {
			t.Errorf("the bot of another version is %s: %s", now.Status, now.Reason)
		}
		if _, _, err := s.app.Bots().Create(ctx, s.who, bot.CreateInput{Name: "x", Pair: "XBTMYR", Strategy: "pulse", StrategyVersion: "1.0.0"}); errs.KindOf(err) != errs.Invalid {
			t.Errorf("a bot of a revoked version gave %v", err)
		}
		if _, err := s.app.Catalog().Approve(ctx, ref, "ada"); err != nil {
			t.Fatal(err)
		}
		s.until("the bot runs again", func() bool { return s.now(a).Status == bot.Running })
		s.trades(a)

		// Another process of the installation sees all of it for itself.
		host, err := pluginhost.New(pluginhost.Config{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(host.Stop)
		other, err := catalog.NewShelf(catalog.ShelfConfig{Folder: catalog.NewFolder(s.dir), Host: host, Store: s.store})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(other.Stop)
		if err := other.Start(ctx); err != nil {
			t.Fatal(err)
		}
		starts := func(ref catalog.Ref) bool {
			p, err := host.Start(ctx, ref.String())
			if err != nil && !errors.Is(err, &pluginhost.Error{Kind: pluginhost.NotFound}) {
				t.Fatal(err)
			}
			if err == nil {
				p.Stop()
			}
			return err == nil
		}
		if !starts(ref) || !starts(newer.Ref) {
			t.Error("another process does not start what is approved")
		}
		if _, err := s.app.Catalog().Revoke(ctx, newer.Ref, "ada", "for a while"); err != nil {
			t.Fatal(err)
		}
		s.until("the other process to notice", func() bool { return starts(ref) && !starts(newer.Ref) })
		if _, err := s.app.Catalog().Approve(ctx, newer.Ref, "ada"); err != nil {
			t.Fatal(err)
		}
		s.until("the other process to notice again", func() bool { return starts(newer.Ref) })
		s.until("the bot runs again", func() bool { return s.now(b).Status == bot.Running })

		path := catalog.NewFolder(s.dir).Path(newer.Ref, newer.SHA256)
		if err := errors.Join(os.WriteFile(path+".new", []byte("evil"), 0o600), os.Rename(path+".new", path)); err != nil {
			t.Fatal(err)
		}
		s.pauses(b, "pulse 1.1.0 cannot be used: its file was changed since it was put in")
		s.trades(a)
		if _, err := s.app.Bots().Stop(ctx, s.who, b.ID); err != nil {
			t.Fatal(err)
		}
		s.until("the paused bot stops", func() bool { return s.now(b).Status == bot.Stopped })
		if _, err := s.app.Bots().Start(ctx, s.who, b.ID); errs.CodeOf(err) != "strategy_file_changed" {
			t.Errorf("starting it gave %v", err)
		}
	})
}
