package saas_test

import (
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/saas"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/page"
	"github.com/lunobot/lunobot/saas/report"
	"github.com/lunobot/lunobot/saas/saasdb"
	"github.com/lunobot/lunobot/tenancy"
)

// life is an App at work with one tenant and one of its bots.
type life struct {
	t     *testing.T
	app   *saas.App
	store *saasdb.Store
	who   tenancy.Principal
	bot   bot.Bot
}

// live starts an App on a fast demo market and makes a bot that trades often.
func live(t *testing.T, url string) *life {
	t.Helper()
	return liveOn(t, saas.Config{DatabaseURL: url, DataDir: t.TempDir()})
}

// liveOn is live with a database and a data folder.
func liveOn(t *testing.T, cfg saas.Config) *life {
	t.Helper()
	ctx := t.Context()
	cfg.DemoSpeed, cfg.Strategies = 3_000, bundle()
	app, err := saas.New(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(app.Stop)
	if err := app.Start(ctx); err != nil {
		t.Fatal(err)
	}
	d, err := db.Open(ctx, db.Config{URL: cfg.DatabaseURL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	login, err := app.Tenancy().Register(ctx, tenancy.RegisterInput{
		Email: "life@example.com", Password: "a long enough phrase", FirstName: "Lee", LastName: "Fe",
	})
	if err != nil {
		t.Fatal(err)
	}
	l := &life{t: t, app: app, store: saasdb.New(d), who: login.Principal}
	if _, l.bot, err = app.Bots().Create(ctx, l.who, bot.CreateInput{
		Name: "busy", Pair: "XBTMYR", Strategy: "basic", Parameters: []byte(`{"fast":2,"slow":5}`),
	}); err != nil {
		t.Fatal(err)
	}
	return l
}

func (l *life) start() {
	l.t.Helper()
	if _, err := l.app.Bots().Start(l.t.Context(), l.who, l.bot.ID); err != nil {
		l.t.Fatal(err)
	}
}

func (l *life) stop() {
	l.t.Helper()
	if _, err := l.app.Bots().Stop(l.t.Context(), l.who, l.bot.ID); err != nil {
		l.t.Fatal(err)
	}
	l.until("the bot has stopped", func() bool { return l.status() == bot.Stopped })
}

// measured returns the bot's figures, whose round trips are those that the account
// has counted.
func (l *life) measured() report.Performance {
	l.t.Helper()
	replay, err := demo.New(demo.Config{})
	if err != nil {
		l.t.Fatal(err)
	}
	markets, err := replay.Markets(l.t.Context())
	if err != nil {
		l.t.Fatal(err)
	}
	p, err := report.Measure(l.t.Context(), l.store, l.bot, markets[0])
	if err != nil {
		l.t.Fatal(err)
	}
	cp, err := l.store.Checkpoint(l.t.Context(), l.who.TenantID, l.bot.ID)
	if err != nil {
		l.t.Fatal(err)
	}
	if int64(p.Trips) != cp.Summary.Trades || !p.WinRate.Defined() || !p.Exposure.Defined() {
		l.t.Errorf("%d round trips are counted; measured %+v", cp.Summary.Trades, p)
	}
	return p
}

func (l *life) status() bot.Status {
	l.t.Helper()
	b, err := l.app.Bots().Bot(l.t.Context(), l.who, l.bot.ID)
	if err != nil {
		l.t.Fatal(err)
	}
	return b.Status
}

// fills returns the bot's fills, oldest first.
func (l *life) fills() []journal.Fill {
	l.t.Helper()
	list, err := l.store.Fills(l.t.Context(), l.who.TenantID, l.bot.ID, page.Page{Limit: 500})
	if err != nil {
		l.t.Fatal(err)
	}
	for i, j := 0, len(list)-1; i < j; i, j = i+1, j-1 {
		list[i], list[j] = list[j], list[i]
	}
	return list
}

func (l *life) until(what string, ok func() bool) {
	l.t.Helper()
	waitFor(l.t, what, ok)
}

// A bot that is stopped and started goes on with its account; with another
// starting balance it gets a new one, and no number is used twice.
func TestRunsOfABot(t *testing.T) {
	t.Parallel()
	dbtest.EachURL(t, func(t *testing.T, url string) {
		l := live(t, url)
		l.start()
		l.until("four fills", func() bool { return len(l.fills()) >= 4 })
		l.stop()
		first := l.fills()
		sum, err := l.store.Checkpoint(t.Context(), l.who.TenantID, l.bot.ID)
		if err != nil {
			t.Fatal(err)
		}

		l.start()
		l.until("fills of the second run", func() bool { return len(l.fills()) >= len(first)+2 })
		l.stop()
		second := l.fills()[len(first):]
		if both := l.measured(); !both.From.Equal(sum.Summary.Since) || both.From.After(first[0].Time) || both.Trips < 2 {
			t.Errorf("the account that goes on since %s is measured as %+v", sum.Summary.Since, both)
		}
		if held := sum.Summary.Position.IsPositive(); held != (second[0].Side == "sell") {
			t.Errorf("the first run ended holding %s, and the second began with a %s", sum.Summary.Position, second[0].Side)
		}

		balance := decimal.NewFromInt(50_000)
		if _, err := l.app.Bots().Update(t.Context(), l.who, l.bot.ConfigID, bot.UpdateInput{Balance: &balance}); err != nil {
			t.Fatal(err)
		}
		before := len(l.fills())
		l.start()
		l.until("fills of the third run", func() bool { return len(l.fills()) >= before+2 })
		l.stop()
		if third := l.measured(); third.Trips > (len(l.fills())-before+1)/2 || !third.From.After(l.fills()[before-1].Time.Add(-time.Minute)) {
			t.Errorf("the new account of %d fills is measured as %+v", len(l.fills())-before, third)
		}
		all := l.fills()
		if bought := all[before]; bought.Side != "buy" || bought.Value.LessThan(decimal.NewFromInt(40_000)) {
			t.Errorf("the new account begins with a %s of %s, want a buy for nearly 50,000", bought.Side, bought.Value)
		}
		for i := 1; i < len(all); i++ {
			if all[i].Sequence != all[i-1].Sequence+1 {
				t.Fatalf("fill %d follows fill %d", all[i].Sequence, all[i-1].Sequence)
			}
		}
	})
}

// proves PL5: a strategy's process that is killed is started again, and its
// bots go on from their checkpoints without losing or doubling a fill.
func TestPluginKilled(t *testing.T) {
	t.Parallel()
	l := live(t, dbtest.SQLiteURL(t))
	l.start()
	for range 3 {
		n := len(l.fills())
		l.until("two fills more", func() bool { return len(l.fills()) >= n+2 })
		p, err := l.app.Host().Process(t.Context(), "basic", "shared")
		if err != nil {
			t.Fatal(err)
		}
		pid, err := strconv.Atoi(p.ID())
		if err != nil {
			t.Fatal(err)
		}
		if pid == os.Getpid() {
			t.Fatal("the strategy runs in the test's own process")
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		<-p.Done()
	}
	n := len(l.fills())
	l.until("two fills after the last kill", func() bool { return len(l.fills()) >= n+2 })
	l.until("the bot says that it runs", func() bool { return l.status() == bot.Running })
	l.stop()
	side := "sell"
	for i, f := range l.fills() {
		if f.Sequence != int64(i+1) || f.Side == side {
			t.Fatalf("fill %d has the sequence %d and is a second %s in a row", i, f.Sequence, f.Side)
		}
		side = f.Side
	}
}
