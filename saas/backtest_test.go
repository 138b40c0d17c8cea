package saas_test

import (
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/billing"
	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/plugins/basic/basic"
	"github.com/lunobot/lunobot/plugins/grid/grid"
	"github.com/lunobot/lunobot/plugins/rebalance/rebalance"
	"github.com/lunobot/lunobot/plugins/rules/rules"
	"github.com/lunobot/lunobot/saas"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/page"
	"github.com/lunobot/lunobot/saas/research"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/plugin"
	"github.com/lunobot/lunobot/tenancy"
)

// odd is a strategy that behaves badly in the way that its parameter says.
type odd struct {
	Params oddParams `json:"-"`
	Seen   int
}

type oddParams struct {
	How string `param:"how" label:"How" validate:"oneof=slow exits panics"`
}

// OnCandle implements strategy.CandleHandler.
func (o *odd) OnCandle(*strategy.Bot, exchange.Candle) {
	if o.Seen++; o.Seen < 100 {
		return
	}
	switch o.Params.How {
	case "slow":
		time.Sleep(10 * time.Millisecond)
	case "exits":
		os.Exit(3)
	case "panics":
		panic("the stars are wrong")
	}
}

// oddBundle is the bundle with the odd strategies of tests.
func oddBundle() plugin.Bundle {
	b, err := plugin.NewBundle(basic.Definition(), grid.Definition(), rebalance.Definition(), rules.Definition(), requoterDefinition(), strategy.MustDefine(strategy.Info{Name: "odd", Version: "1.0.0", Title: "Odd"}, oddParams{How: "slow"},
		func(p oddParams) strategy.Strategy { return &odd{Params: p} }))
	if err != nil {
		panic(err)
	}
	return b
}

// researcher is an App at work and a tenant on a plan.
type researcher struct {
	t   *testing.T
	app *saas.App
	who tenancy.Principal
}

func newResearcher(t *testing.T, url, plan string) *researcher {
	t.Helper()
	ctx := t.Context()
	app, err := saas.New(ctx, saas.Config{DatabaseURL: url, DataDir: t.TempDir(), Strategies: oddBundle(), Backtests: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(app.Stop)
	login, err := app.Tenancy().Register(ctx, tenancy.RegisterInput{
		Email: "research@example.com", Password: "a long enough phrase", FirstName: "Ree", LastName: "Search",
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := app.Billing().ChangePlan(ctx, login.Principal.TenantID, billing.ChangePlanInput{Plan: plan, Actor: login.Principal.UserID}); err != nil {
		t.Fatal(err)
	}
	return &researcher{t: t, app: app, who: login.Principal}
}

func (r *researcher) create(in research.CreateInput) research.Run {
	r.t.Helper()
	in.Pair = "XBTMYR"
	run, err := r.app.Backtests().Create(r.t.Context(), r.who, in)
	if err != nil {
		r.t.Fatal(err)
	}
	return run
}

func (r *researcher) await(run research.Run, status research.Status) research.Run {
	r.t.Helper()
	var now research.Run
	waitFor(r.t, "the backtest to be "+string(status), func() bool {
		var err error
		if now, err = r.app.Backtests().Run(r.t.Context(), r.who, run.ID); err != nil {
			r.t.Fatal(err)
		}
		if now.Status.Over() && now.Status != status {
			r.t.Fatalf("the backtest is %s: %s", now.Status, now.Reason)
		}
		return now.Status == status
	})
	return now
}

// Backtests run in strategies' processes of their own: they are cancelled
// within a second whatever these do, and a process that ends or panics fails
// its run with a sentence and no other.
func TestBacktests(t *testing.T) {
	t.Parallel()
	dbtest.EachURL(t, func(t *testing.T, url string) {
		r := newResearcher(t, url, "premium")
		if err := r.app.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		slow := r.create(research.CreateInput{Strategy: "odd"})
		first := r.create(research.CreateInput{Strategy: "basic"}) // waits: one at a time is run here
		r.await(slow, research.Running)
		waitFor(t, "progress", func() bool { return r.await(slow, research.Running).Done > 0 })
		if now := r.await(first, research.Queued); now.Attempt != 0 {
			t.Errorf("the second run began beside the first")
		}
		began := time.Now()
		if _, err := r.app.Backtests().Cancel(t.Context(), r.who, slow.ID); err != nil {
			t.Fatal(err)
		}
		done := r.await(first, research.Done)
		// The old process has a second to end, and the new one starts after it.
		if waited := done.StartedAt.Sub(began); waited > 2*time.Second {
			t.Errorf("the place was free %s after the cancel", waited)
		}
		if done.Figures == nil || done.Figures.Trades == 0 || done.Total != 30*24*60 {
			t.Errorf("done with %+v", done)
		}
		for how, want := range map[string]string{
			"exits":  "The strategy odd failed: its process ended by itself during the run.",
			"panics": "the stars are wrong",
		} {
			got := r.await(r.create(research.CreateInput{Strategy: "odd", Parameters: []byte(`{"how":"` + how + `"}`)}), research.Failed)
			if !strings.Contains(got.Reason, want) || strings.Contains(got.Reason, "\n") {
				t.Errorf("%s: %q", how, got.Reason)
			}
		}
		r.await(r.create(research.CreateInput{Strategy: "basic"}), research.Done)
		for kind, sets := range map[research.Kind]int64{research.Sweep: 3, research.WalkForward: 3 * 6} {
			searched := r.await(r.create(research.CreateInput{
				Kind: kind, Strategy: "basic", Interval: time.Hour, Search: &research.Search{Ranges: []string{"fast=5:15:5"}, Measure: "equity"},
			}), research.Done)
			if searched.Done != sets || searched.Figures == nil || (searched.Figures.Best != nil) != (kind == research.Sweep) {
				t.Errorf("%s: %d sets with %+v", kind, searched.Done, searched.Figures)
			}
		}
		mixed := research.CreateInput{Kind: research.Sweep, Strategy: "odd", Search: &research.Search{Ranges: []string{"how=panics,exits"}}}
		if got := r.await(r.create(mixed), research.Failed); !strings.Contains(got.Reason, "its process ended by itself during the run.") {
			t.Errorf("a sweep whose process ended: %q", got.Reason)
		}
	})
}

// proves E1, E6, E9 for backtests: 100 concurrent creates on a plan of one at a
// time, from two processes, give one run and 99 refusals of one code.
func TestBacktestGateConcurrent(t *testing.T) {
	t.Parallel()
	dbtest.EachURL(t, func(t *testing.T, url string) {
		r := newResearcher(t, url, "basic") // not started: nobody takes the run
		const processes, each = 2, 50
		total := race(t, processes, creator{DatabaseURL: url, Principal: r.who, Count: each, Backtests: true})
		if want := map[string]int{"": 1, "limit_exceeded": processes*each - 1}; !maps.Equal(total, want) {
			t.Errorf("outcomes by code = %v, want %v", total, want)
		}
		runs, err := r.app.Backtests().Runs(t.Context(), r.who, page.Page{Limit: 500})
		if err != nil || len(runs.Items) != 1 {
			t.Errorf("%d runs exist, %v; want 1", len(runs.Items), err)
		}
		usage, err := r.app.Billing().Gate().Usage(t.Context(), r.who.TenantID)
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range usage {
			if u.Feature == billing.RunningBacktests && u.Used != 1 {
				t.Errorf("%d are counted, want 1", u.Used)
			}
		}
		t.Logf("%d creates from %d processes: %d runs, %d refused as limit_exceeded", processes*each, processes, total[""], total["limit_exceeded"])
	})
}
