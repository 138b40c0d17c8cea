package bot_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/billing"
	"github.com/lunobot/lunobot/billing/billingdb"
	"github.com/lunobot/lunobot/billing/billingtest"
	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/saasdb"
	"github.com/lunobot/lunobot/strategy/param"
	"github.com/lunobot/lunobot/tenancy"
	"github.com/lunobot/lunobot/tenancy/tenancydb"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// goods are markets, a strategy that trades one pair, and one that trades several.
type goods struct {
	schema *param.Schema
	// slow is called before a strategy says what it can trade, unless it is nil; gone
	// reports whether a version cannot be used any more.
	slow *func(name string)
	gone *bool
}

func (g goods) Market(pair string) (exchange.Market, error) {
	if !slices.Contains(g.Pairs(), pair) {
		return exchange.Market{}, errors.New("no such market")
	}
	return exchange.Market{
		Pair: pair, Base: pair[:3], Counter: pair[3:], Tick: decimal.New(1, 0), Step: decimal.New(1, -6), MinVolume: 100, Status: exchange.MarketActive,
	}, nil
}

func (goods) Pairs() []string {
	return []string{"XBTMYR", "ETHMYR", "SOLMYR", "XRPMYR", "LTCMYR", "BCHMYR", "ETHZAR", "MYRXBT"}
}

func (goods) Names() []string { return []string{"cross", "mix"} }

// CanTrade refuses a share of a pair that is not there, as a parameter's fault.
func (g goods) CanTrade(_ context.Context, name, pin string, params json.RawMessage, own exchange.Market, also ...exchange.Market) error {
	if *g.slow != nil {
		(*g.slow)(name)
	}
	switch {
	case (name != "mix" || pin == "2.0.0") && len(also) > 0:
		return &bot.PairsError{Reason: "must be empty: " + name + " trades one pair only"}
	case name == "mix" && strings.Contains(string(params), `"slow":99`):
		return param.Errors{{Name: "slow", Reason: "does not go with " + own.Pair}}
	}
	return nil
}

func (g goods) Pin(name, version string) (string, error) {
	if *g.gone || name != "cross" && name != "mix" || version != "" && version != "2.0.0" {
		return "", &catalog.UnusableError{Ref: catalog.Ref{Name: name, Version: version}, Why: catalog.Unknown}
	}
	return version, nil
}

func (c goods) Validate(_ context.Context, name, _ string, params json.RawMessage) (json.RawMessage, error) {
	if name != "cross" && name != "mix" {
		return nil, errors.New("no such strategy")
	}
	return c.schema.Validate(params)
}

func (c goods) Schema(context.Context, string, string) (*param.Schema, error) { return c.schema, nil }

// bench is the service on real stores, with one tenant on the Basic plan.
type bench struct {
	*bot.Service
	t       *testing.T
	billing *billingtest.Bench
	store   *saasdb.Store
	who     tenancy.Principal
	slow    func(name string)
	gone    bool
	// cfg is the service's, for tests that want another one.
	cfg bot.ServiceConfig
}

func each(t *testing.T, fn func(b *bench)) {
	sets := []db.MigrationSet{tenancydb.Migrations(), billingdb.Migrations(), saasdb.Migrations()}
	dbtest.Each(t, sets, func(t *testing.T, d *db.DB) {
		schema, err := param.Of(struct {
			Fast int `param:"fast" label:"Fast" validate:"min=1,ltfield=Slow"`
			Slow int `param:"slow" label:"Slow" validate:"max=100"`
		}{10, 30})
		if err != nil {
			t.Fatal(err)
		}
		b := &bench{t: t, billing: billingtest.NewBench(t, billingdb.New(d), d, nil), store: saasdb.New(d)}
		b.billing.Tenant(t, "tenant-1", "basic")
		b.who = tenancy.Principal{UserID: "user-1", TenantID: "tenant-1", Role: tenancy.Owner}
		shop := goods{schema: schema, slow: &b.slow, gone: &b.gone}
		b.cfg = bot.ServiceConfig{
			Events: b.billing.Events, Gate: b.billing.Gate(), Markets: shop, Now: time.Now, Store: b.store, Strategies: shop, Tx: d,
		}
		if b.Service, err = bot.NewService(b.cfg); err != nil {
			t.Fatal(err)
		}
		fn(b)
	})
}

func (b *bench) create(name string) bot.Bot {
	b.t.Helper()
	_, made, err := b.Create(b.t.Context(), b.who, bot.CreateInput{Name: name, Pair: "XBTMYR", Strategy: "cross"})
	if err != nil {
		b.t.Fatal(err)
	}
	return made
}

// used is how much of a feature the tenant takes.
func (b *bench) used(f billing.Feature) int64 {
	b.t.Helper()
	list, err := b.billing.Gate().Usage(b.t.Context(), "tenant-1")
	if err != nil {
		b.t.Fatal(err)
	}
	i := slices.IndexFunc(list, func(u billing.Usage) bool { return u.Feature == f })
	return list[i].Used
}

func (b *bench) want(err error, kind errs.Kind, code string) {
	b.t.Helper()
	if err == nil || errs.KindOf(err) != kind || errs.CodeOf(err) != code {
		b.t.Fatalf("got %v, want %s, code %s", err, kind, code)
	}
}

func TestMissingCollaborators(t *testing.T) {
	t.Parallel()
	_, err := bot.NewService(bot.ServiceConfig{})
	for _, name := range []string{"Events", "Gate", "Markets", "Now", "Store", "Strategies", "Tx"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("the error does not name %s: %v", name, err)
		}
	}
}

func TestEveryFaultyFieldIsNamed(t *testing.T) {
	t.Parallel()
	each(t, func(b *bench) {
		negative := decimal.NewFromInt(-1)
		_, _, err := b.Create(b.t.Context(), b.who, bot.CreateInput{
			Pair: "NOPE", Strategy: "cross", Mode: "live", Interval: 7 * time.Minute, Balance: &negative, Parameters: json.RawMessage(`{"fast":50,"slow":40,"odd":1}`),
			Risk: bot.Risk{StopLossPercent: decimal.NewFromInt(100), TakeProfitPercent: negative, MaxPosition: negative},
		})
		b.want(err, errs.Invalid, "invalid_input")
		var faults *errs.Error
		if !errors.As(err, &faults) {
			b.t.Fatal(err)
		}
		got := map[string]bool{}
		for _, f := range faults.Fields {
			got[f.Path] = true
		}
		for _, path := range []string{
			"/name", "/trading_pair", "/mode", "/interval", "/balance", "/risk/stop_loss_percent", "/risk/take_profit_percent", "/risk/max_position",
			"/parameters/fast", "/parameters/odd",
		} {
			if !got[path] {
				b.t.Errorf("%s is not named in %v", path, err)
			}
		}
		if b.used(billing.Bots) != 0 { // proves E9
			b.t.Error("the refused bot counts")
		}
	})
}

func TestBalanceIsRefusedForOneReason(t *testing.T) {
	t.Parallel()
	each(t, func(b *bench) {
		for balance, want := range map[string]string{
			"99999999999999999999": "must be at most 1,000,000,000", "0.000000000000000001": "has more decimals than MYR is traded with", "-1": "must be above 0",
		} {
			amount := decimal.RequireFromString(balance)
			_, _, err := b.Create(b.t.Context(), b.who, bot.CreateInput{Name: "a", Pair: "XBTMYR", Strategy: "cross", Balance: &amount})
			var faults *errs.Error
			if !errors.As(err, &faults) || len(faults.Fields) != 1 || faults.Fields[0] != (errs.Field{Path: "/balance", Reason: want}) {
				b.t.Errorf("%s: %v, want that it %s", balance, err, want)
			}
		}
	})
}

// Each of these was once stored: a name that looks like another's, and a stop-loss so
// fine that it was cut to no stop-loss.
func TestWhatWouldMisleadIsRefused(t *testing.T) {
	t.Parallel()
	each(t, func(b *bench) {
		valid := bot.CreateInput{Name: "a", Pair: "XBTMYR", Strategy: "cross"}
		for want, change := range map[string]func(in *bot.CreateInput){
			"/name must be one line of text without control characters":            func(in *bot.CreateInput) { in.Name = "a\u202eb" },
			"/name must have a character that can be seen":                         func(in *bot.CreateInput) { in.Name = "\u200b" },
			"/risk/stop_loss_percent must have at most 6 decimals":                 func(in *bot.CreateInput) { in.Risk.StopLossPercent = decimal.New(1, -7) },
			"/risk/take_profit_percent must have at most 6 decimals":               func(in *bot.CreateInput) { in.Risk.TakeProfitPercent = decimal.New(12345678, -7) },
			"/risk/max_position is larger than any position can be; 0 is no bound": func(in *bot.CreateInput) { in.Risk.MaxPosition = decimal.New(1, 19) },
			"/risk/max_position must be 0 or at least the least order, 0.0001 XBT": func(in *bot.CreateInput) { in.Risk.MaxPosition = decimal.New(1, -6) },
		} {
			in := valid
			change(&in)
			_, _, err := b.Create(b.t.Context(), b.who, in)
			var faults *errs.Error
			if !errors.As(err, &faults) || len(faults.Fields) != 1 || faults.Fields[0].Path+" "+faults.Fields[0].Reason != want {
				b.t.Errorf("%v, want %s", err, want)
			}
		}
		valid.Risk = bot.Risk{StopLossPercent: decimal.New(1, -6), TakeProfitPercent: decimal.RequireFromString("2.500000000")}
		c, _, err := b.Create(b.t.Context(), b.who, valid)
		if err != nil {
			b.t.Fatal(err)
		}
		market, _ := goods{}.Market("XBTMYR")
		if limits, err := c.Risk.Limits(market); err != nil || limits.StopLoss != 1 || limits.TakeProfit != 2_500_000 {
			b.t.Errorf("limits = %+v, %v", limits, err)
		}
	})
}

// proves E7: running counts once, however often it is asked for, and a bot that
// came to rest does not count.
func TestStartAndStop(t *testing.T) {
	t.Parallel()
	each(t, func(b *bench) {
		ctx := b.t.Context()
		made := b.create("one")
		for range 2 {
			started, err := b.Start(ctx, b.who, made.ID)
			if err != nil || !started.Desired || started.Status != bot.Starting || started.Run != 1 {
				b.t.Fatalf("started: %+v, %v", started, err)
			}
		}
		if n := b.used(billing.RunningBots); n != 1 {
			b.t.Fatalf("%d bots count as running, want 1", n)
		}
		_, err := b.Update(ctx, b.who, made.ConfigID, bot.UpdateInput{})
		b.want(err, errs.Conflict, "bot_running")
		b.want(b.Delete(ctx, b.who, made.ID), errs.Conflict, "bot_running")

		observe := func(run int64, s bot.Status) bot.Bot {
			b.t.Helper()
			if err := b.Observe(ctx, "tenant-1", made.ID, run, s, "seen"); err != nil {
				b.t.Fatal(err)
			}
			now, err := b.Bot(ctx, b.who, made.ID)
			if err != nil {
				b.t.Fatal(err)
			}
			return now
		}
		if now := observe(7, bot.Failed); now.Status != bot.Starting {
			b.t.Errorf("a worker of another run made it %s", now.Status)
		}
		if now := observe(1, bot.Running); now.Status != bot.Running || now.Reason != "seen" {
			b.t.Errorf("it is %s, %q", now.Status, now.Reason)
		}
		if _, err := b.Stop(ctx, b.who, made.ID); err != nil {
			b.t.Fatal(err)
		}
		if now := observe(1, bot.Running); now.Status != bot.Stopping {
			b.t.Errorf("a late word of the worker made it %s", now.Status)
		}
		_, err = b.Start(ctx, b.who, made.ID)
		b.want(err, errs.Conflict, "bot_stopping")
		for range 2 {
			observe(1, bot.Stopped)
		}
		if n := b.used(billing.RunningBots); n != 0 {
			b.t.Errorf("%d bots count as running, want none", n)
		}
		if again, err := b.Start(ctx, b.who, made.ID); err != nil || again.Run != 2 {
			b.t.Errorf("started again: %+v, %v", again, err)
		}
		if now := observe(2, bot.Failed); now.Desired || b.used(billing.RunningBots) != 0 {
			b.t.Errorf("a bot that failed is %+v and takes %d", now, b.used(billing.RunningBots))
		}
		if err := b.Delete(ctx, b.who, made.ID); err != nil {
			b.t.Fatal(err)
		}
		if b.used(billing.Bots)+b.used(billing.Pairs) != 0 { // proves E5
			b.t.Error("the deleted bot counts")
		}
	})
}

// Parameters that a stopped bot is given hold: an upgrade that was not made before
// it stopped would bring its own, and is called off.
func TestParametersCallAnUpgradeOff(t *testing.T) {
	t.Parallel()
	each(t, func(b *bench) {
		ctx := b.t.Context()
		must := func(_ any, err error) {
			b.t.Helper()
			if err != nil {
				b.t.Fatal(err)
			}
		}
		must(nil, b.store.InsertEntry(ctx, catalog.Entry{Ref: catalog.Ref{Name: "cross", Version: "2.0.0"}, Status: catalog.Approved, Isolation: catalog.Shared, InstalledAt: time.Now()}))
		made := b.create("Ada's")
		must(b.Start(ctx, b.who, made.ID))
		c, err := b.Upgrade(ctx, b.who, made.ID, bot.UpgradeInput{StrategyVersion: "2.0.0"})
		if err != nil || !c.Upgrade.Pending() || c.StrategyVersion != "" {
			b.t.Fatalf("upgraded: %+v, %v", c, err)
		}
		must(b.Stop(ctx, b.who, made.ID))
		must(nil, b.Observe(ctx, made.TenantID, made.ID, 1, bot.Stopped, "stopped by you"))
		b.billing.Events.Take()
		c, err = b.UpgradeRefused(ctx, made.TenantID, made.ID, "1.0.0", "no")
		if types := b.billing.Events.Take(); err != nil || !c.Upgrade.Pending() || len(types) > 0 {
			b.t.Fatalf("an upgrade that is not asked for was refused: %+v, %v, events %v", c, err, types)
		}
		name := "Renamed"
		c, err = b.Update(ctx, b.who, made.ConfigID, bot.UpdateInput{Name: &name})
		if err != nil || !c.Upgrade.Pending() {
			b.t.Fatalf("renamed: %+v, %v", c, err)
		}
		c, err = b.Update(ctx, b.who, made.ConfigID, bot.UpdateInput{Parameters: json.RawMessage(`{"fast":3,"slow":9}`)})
		if err != nil || c.Upgrade.Pending() || c.StrategyVersion != "" || string(c.Parameters) != `{"fast":3,"slow":9}` {
			b.t.Errorf("with other parameters: %+v, %v", c, err)
		}
	})
}

func TestRoles(t *testing.T) {
	t.Parallel()
	each(t, func(b *bench) {
		ctx := b.t.Context()
		made := b.create("one")
		viewer, trader := b.who, b.who
		viewer.Role, trader.Role = tenancy.Viewer, tenancy.Trader
		if _, err := b.Bot(ctx, viewer, made.ID); err != nil {
			b.t.Errorf("a viewer may not look: %v", err)
		}
		_, err := b.Start(ctx, viewer, made.ID)
		b.want(err, errs.Forbidden, "permission_denied")
		b.want(b.Delete(ctx, viewer, made.ID), errs.Forbidden, "permission_denied")
		_, _, err = b.Create(ctx, viewer, bot.CreateInput{Name: "x", Pair: "XBTMYR", Strategy: "cross"})
		b.want(err, errs.Forbidden, "permission_denied")
		if _, _, err = b.Create(ctx, trader, bot.CreateInput{Name: "x", Pair: "XBTMYR", Strategy: "cross"}); err != nil {
			b.t.Errorf("a trader may not create: %v", err)
		}
		stranger := tenancy.Principal{TenantID: "tenant-2", Role: tenancy.Owner}
		_, err = b.Start(ctx, stranger, made.ID)
		b.want(err, errs.NotFound, "bot_not_found") // proves P12
	})
}

func TestIntervals(t *testing.T) {
	t.Parallel()
	each(t, func(b *bench) {
		ctx := b.t.Context()
		c, made, err := b.Create(ctx, b.who, bot.CreateInput{Name: "a", Pair: "XBTMYR", Strategy: "cross"})
		if err != nil || c.Interval != time.Minute || made.Interval != time.Minute {
			b.t.Fatalf("without a choice it decides every %s, %v", c.Interval, err)
		}
		for _, name := range bot.Intervals() {
			length := bot.ParseInterval(name)
			changed, err := b.Update(ctx, b.who, c.ID, bot.UpdateInput{Interval: &length})
			if err != nil || bot.IntervalName(changed.Interval) != name {
				b.t.Errorf("changed to %s: %+v, %v", name, changed, err)
			}
		}
		if now, err := b.Bot(ctx, b.who, made.ID); err != nil || now.Interval != 24*time.Hour {
			b.t.Errorf("the bot decides every %s, %v", now.Interval, err)
		}
		for _, length := range []time.Duration{bot.ParseInterval("7m"), 90 * time.Second} {
			_, err = b.Update(ctx, b.who, c.ID, bot.UpdateInput{Interval: &length})
			var faults *errs.Error
			want := errs.Field{Path: "/interval", Reason: "must be one of 1m, 5m, 15m, 30m, 1h, 4h, 1d"}
			if !errors.As(err, &faults) || len(faults.Fields) != 1 || faults.Fields[0] != want {
				b.t.Errorf("%s: %v, want %v", length, err, want)
			}
		}
	})
}
