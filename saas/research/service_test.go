package research_test

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
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
	"github.com/lunobot/lunobot/saas/lease"
	"github.com/lunobot/lunobot/saas/page"
	"github.com/lunobot/lunobot/saas/research"
	"github.com/lunobot/lunobot/saas/saasdb"
	"github.com/lunobot/lunobot/strategy/param"
	"github.com/lunobot/lunobot/tenancy"
	"github.com/lunobot/lunobot/tenancy/tenancydb"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// shop is one market with six years of history, and one strategy.
type shop struct{ schema *param.Schema }

func (shop) Market(pair string) (exchange.Market, error) {
	if !slices.Contains([]string{"XBTMYR", "ETHMYR", "SOLMYR", "ADAMYR"}, pair) {
		return exchange.Market{}, errors.New("no such market")
	}
	return exchange.Market{
		Pair: pair, Base: pair[:3], Counter: "MYR", Tick: decimal.New(1, 0), Step: decimal.New(1, -6), MinVolume: 100, Status: exchange.MarketActive,
	}, nil
}

func (shop) Pairs() []string { return []string{"XBTMYR"} }

func (shop) Names() []string { return []string{"cross"} }

func (shop) Pin(name, version string) (string, error) {
	if name != "cross" || version != "" {
		return "", &catalog.UnusableError{Ref: catalog.Ref{Name: name, Version: version}, Why: catalog.Unknown}
	}
	return "", nil
}

func (s shop) Validate(_ context.Context, name, _ string, params json.RawMessage) (json.RawMessage, error) {
	if name != "cross" {
		return nil, errors.New("no such strategy")
	}
	return s.schema.Validate(params)
}

func (s shop) Schema(_ context.Context, name, _ string) (*param.Schema, error) {
	if name != "cross" {
		return nil, errors.New("no such strategy")
	}
	return s.schema, nil
}

func (shop) CanTrade(_ context.Context, _, _ string, _ json.RawMessage, _ exchange.Market, also ...exchange.Market) error {
	if len(also) > 2 {
		return &bot.PairsError{Reason: "must be at most two"}
	}
	return nil
}

func first() time.Time { return time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC) }

func last() time.Time { return time.Date(2026, 1, 31, 8, 59, 0, 0, time.UTC) }

// offers are minutes of the market, and in the store hours and quarters of an hour of
// one pair.
func offers() []research.Offer {
	stored := exchange.Market{
		Pair: "BTCUSD", Base: "BTC", Counter: "USD", Tick: decimal.New(1, -2), Step: decimal.New(1, -6), Status: exchange.MarketActive,
	}
	return []research.Offer{
		{Ref: research.Ref{Source: research.FromMarket, Pair: "XBTMYR", Recorded: time.Minute}, From: first(), To: last()},
		{Ref: research.Ref{Source: research.FromMarket, Pair: "ETHMYR", Recorded: time.Minute}, From: first().AddDate(1, 0, 0), To: last()},
		{Ref: research.Ref{Source: research.FromMarket, Pair: "ADAMYR", Recorded: 7 * time.Minute}, From: first(), To: last()},
		{Ref: research.Ref{Source: research.FromStore, Pair: "BTCUSD", Recorded: 15 * time.Minute}, Market: stored, From: first(), To: first().AddDate(1, 0, 0)},
		{Ref: research.Ref{Source: research.FromStore, Pair: "BTCUSD", Recorded: time.Hour}, Market: stored, From: first(), To: first().AddDate(5, 0, 0)},
	}
}

func (shop) Offers(context.Context) ([]research.Offer, error) { return offers(), nil }

func (shop) Offer(_ context.Context, ref research.Ref) (research.Offer, error) {
	for _, o := range offers() {
		if o.Source == ref.Source && o.Pair == ref.Pair && (ref.Recorded == 0 || ref.Recorded == o.Recorded) {
			return o, nil
		}
	}
	return research.Offer{}, errs.New(errs.NotFound, "history_not_found", "it is kept otherwise")
}

// bench is the service on real stores, with one tenant.
type bench struct {
	*research.Service
	t       *testing.T
	db      *db.DB
	billing *billingtest.Bench
	store   *saasdb.Store
	who     tenancy.Principal
}

const tenant = "tenant-1"

func each(t *testing.T, plan string, fn func(b *bench)) {
	t.Helper()
	sets := []db.MigrationSet{tenancydb.Migrations(), billingdb.Migrations(), saasdb.Migrations()}
	dbtest.Each(t, sets, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		b.billing.Tenant(t, tenant, plan)
		fn(b)
	})
}

func newBench(t *testing.T, d *db.DB) *bench {
	t.Helper()
	schema, err := param.Of(struct {
		Fast int `param:"fast" label:"Fast" validate:"min=1,ltfield=Slow"`
		Slow int `param:"slow" label:"Slow" validate:"max=100"`
	}{10, 30})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, db: d, billing: billingtest.NewBench(t, billingdb.New(d), d, nil), store: saasdb.New(d)}
	b.who = tenancy.Principal{UserID: "user-1", TenantID: tenant, Role: tenancy.Owner}
	b.Service, err = research.NewService(research.ServiceConfig{
		Events: b.billing.Events, Gate: b.billing.Gate(), History: shop{schema}, Keep: 3, Leases: b.store, Markets: shop{schema},
		Now: b.billing.Clock.Now, Store: b.store, Strategies: shop{schema}, Tx: d,
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) want(err error, kind errs.Kind, code string) {
	b.t.Helper()
	if err == nil || errs.KindOf(err) != kind || errs.CodeOf(err) != code {
		b.t.Errorf("got %v, want a %s error with code %s", err, kind, code)
	}
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) create() research.Run {
	b.t.Helper()
	r, err := b.Create(b.t.Context(), b.who, research.CreateInput{Pair: "XBTMYR", Strategy: "cross"})
	b.must(err)
	return r
}

// take takes the lease of a run for a new start of a worker.
func (b *bench) take(r research.Run, worker string) lease.Lease {
	b.t.Helper()
	h, err := b.store.StartHolder(b.t.Context(), worker)
	b.must(err)
	now := b.billing.Clock.Now()
	got, err := b.store.TakeLeases(b.t.Context(), lease.Take{
		Holder: h, Resources: []lease.Resource{research.Resource(tenant, r.ID)}, Limit: 1, Now: now, Until: now.Add(10 * time.Second),
	})
	b.must(err)
	if len(got) != 1 {
		b.t.Fatalf("%d leases were taken", len(got))
	}
	return got[0]
}

// used is how many places the tenant's runs take.
func (b *bench) used() int64 {
	b.t.Helper()
	list, err := b.billing.Gate().Usage(b.t.Context(), tenant)
	b.must(err)
	i := slices.IndexFunc(list, func(u billing.Usage) bool { return u.Feature == billing.RunningBacktests })
	return list[i].Used
}

func (b *bench) run(id string) research.Run {
	b.t.Helper()
	r, err := b.Run(b.t.Context(), b.who, id)
	b.must(err)
	return r
}

func TestDefaultsOfARun(t *testing.T) {
	t.Parallel()
	each(t, "basic", func(b *bench) {
		r := b.create()
		want := research.Request{Kind: research.Backtest, Source: research.FromMarket, Recorded: time.Minute,
			Name: "cross on XBTMYR", Pair: "XBTMYR", Strategy: "cross", Parameters: json.RawMessage(`{"fast":10,"slow":30}`), Interval: time.Minute,
			From: last().AddDate(0, 0, -30), To: last(), Balance: decimal.NewFromInt(10_000),
			MakerFee: bot.PaperFees().Maker.Decimal(), TakerFee: bot.PaperFees().Taker.Decimal(), Slippage: decimal.Zero,
		}
		if got := b.run(r.ID).Request; !reflect.DeepEqual(jsonOf(b.t, got), jsonOf(b.t, want)) {
			b.t.Errorf("got  %s\nwant %s", jsonOf(b.t, got), jsonOf(b.t, want))
		}
		if r.Status != research.Queued || r.Total != 30*24*60 || r.Days() != 30 || b.used() != 1 {
			b.t.Errorf("run = %+v, %d places", r, b.used())
		}
	})
}

func jsonOf(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// Times are cut to whole candles within what was asked for, and orders meet
// minutes as long as these are not too many.
func TestSpansAreWholeCandles(t *testing.T) {
	t.Parallel()
	each(t, "premium", func(b *bench) {
		at := func(text string) time.Time {
			when, err := time.Parse(time.RFC3339, text)
			b.must(err)
			return when
		}
		for _, c := range []struct {
			interval       time.Duration
			from, to       string
			wantFrom, want string
			detail         time.Duration
		}{
			{time.Hour, "2025-01-01T00:00:01Z", "2025-02-01T03:59:59Z", "2025-01-01T01:00:00Z", "2025-02-01T03:00:00Z", time.Minute},
			{24 * time.Hour, "2025-01-01T08:00:00+08:00", "2025-02-01T00:00:00Z", "2025-01-01T00:00:00Z", "2025-02-01T00:00:00Z", time.Minute},
			{time.Minute, "2024-01-01T00:00:00Z", "2026-01-31T08:59:00Z", "2024-01-01T00:00:00Z", "2026-01-31T08:59:00Z", time.Minute},
		} {
			r, err := b.Check(b.t.Context(), b.who, research.CreateInput{Pair: "XBTMYR", Strategy: "cross", Interval: c.interval, From: at(c.from), To: at(c.to)})
			b.must(err)
			if !r.From.Equal(at(c.wantFrom)) || !r.To.Equal(at(c.want)) || r.Detail() != c.detail {
				b.t.Errorf("%s to %s in %s became %s to %s, orders meet %s", c.from, c.to, c.interval, r.From, r.To, r.Detail())
			}
		}
	})
	from := first()
	if d := research.Detail(time.Minute, time.Hour, from, from.Add(research.MaxCandles*time.Minute), 1); d != time.Minute {
		t.Errorf("as many minutes as are allowed are met in %s", d)
	}
	if d := research.Detail(time.Minute, time.Hour, from, from.Add(research.MaxCandles*time.Minute+time.Hour), 1); d != time.Hour {
		t.Errorf("more minutes than are allowed are met in %s", d)
	}
}

func TestEveryFaultyFieldIsNamed(t *testing.T) {
	t.Parallel()
	each(t, "basic", func(b *bench) {
		ctx := b.t.Context()
		negative, one := decimal.NewFromInt(-1), decimal.NewFromInt(1)
		fine := func() research.CreateInput { return research.CreateInput{Pair: "XBTMYR", Strategy: "cross"} }
		sweep := func(ranges ...string) func(in *research.CreateInput) {
			return func(in *research.CreateInput) { in.Kind, in.Search = research.Sweep, &research.Search{Ranges: ranges} }
		}
		walk := func(inside, outside time.Duration) func(in *research.CreateInput) {
			return func(in *research.CreateInput) {
				sweep("fast=5:25:5")(in)
				in.Kind, in.Search.InSample, in.Search.OutOfSample = research.WalkForward, inside, outside
			}
		}
		cases := map[string]struct {
			change func(in *research.CreateInput)
			want   string
		}{
			"all at once": {func(in *research.CreateInput) {
				*in = research.CreateInput{
					Name: strings.Repeat("x", 81), Pair: "NOPE", Strategy: "cross", Interval: 7 * time.Minute, Balance: &negative,
					MakerFee: &one, TakerFee: &negative, Slippage: &one, Parameters: json.RawMessage(`{"fast":50,"slow":40,"odd":1}`),
					Risk: bot.Risk{StopLossPercent: decimal.NewFromInt(100)},
				}
			}, "/balance /interval /maker_fee /name /parameters/fast /parameters/odd /risk/stop_loss_percent /slippage /taker_fee /trading_pair"},
			"a source that is none": {func(in *research.CreateInput) { in.Source = "moon" }, "/source"},
			"not in the store":      {func(in *research.CreateInput) { in.Source = research.FromStore }, "/trading_pair"},
			"not kept as minutes": {func(in *research.CreateInput) {
				in.Source, in.Pair, in.Recorded = research.FromStore, "BTCUSD", time.Minute
			}, "/recorded_interval"},
			"shorter than what is kept": {func(in *research.CreateInput) {
				in.Source, in.Pair, in.From, in.To = research.FromStore, "BTCUSD", first(), first().AddDate(0, 1, 0)
			}, "/interval"},
			"after what is kept": {func(in *research.CreateInput) {
				in.Source, in.Pair, in.Interval, in.From, in.To = research.FromStore, "BTCUSD", time.Hour, first().AddDate(0, 11, 0), first().AddDate(1, 1, 0)
			}, "/to"},
			"terms that are none": {func(in *research.CreateInput) {
				in.Terms = research.Terms{Holding: negative, Spread: one, RangeShare: negative, Impact: one, MaxShare: one, Latency: 25 * time.Hour}
			}, "/holding /impact /latency_ms /max_share /range_share /spread"},
			"a full look of a sweep":      {func(in *research.CreateInput) { in.Kind, in.FullLook = research.Sweep, true }, "/full_look_ahead /search"},
			"a holding finer than a step": {func(in *research.CreateInput) { in.Terms.Holding = decimal.New(1, -12) }, "/holding"},
			"a holding of another pair":   {func(in *research.CreateInput) { in.Terms.Holdings = map[string]decimal.Decimal{"SOLMYR": one} }, "/holdings"},
			"no money and no holding":     {func(in *research.CreateInput) { in.Balance = &decimal.Zero }, "/balance"},
			"fees that are none": {func(in *research.CreateInput) {
				in.Terms.FeeTiers = []research.FeeTier{{Volume: one, MakerFee: one, TakerFee: negative}, {Volume: one}, {Volume: negative}, {Volume: decimal.New(2, -30)}}
			}, "/fee_tiers/0/maker_fee /fee_tiers/0/taker_fee /fee_tiers/1/volume /fee_tiers/2/volume /fee_tiers/3/volume"},
			"too many fees":            {func(in *research.CreateInput) { in.Terms.FeeTiers = make([]research.FeeTier, 11) }, "/fee_tiers"},
			"nothing given":            {func(in *research.CreateInput) { *in = research.CreateInput{} }, "/strategy_type /trading_pair"},
			"a fine fee":               {func(in *research.CreateInput) { d := decimal.New(1, -9); in.TakerFee = &d }, "/taker_fee"},
			"before history":           {func(in *research.CreateInput) { in.From = first().Add(-time.Minute) }, "/from"},
			"the future":               {func(in *research.CreateInput) { in.To = last().Add(time.Minute) }, "/to"},
			"backwards":                {func(in *research.CreateInput) { in.From, in.To = last().Add(-time.Hour), last().Add(-2*time.Hour) }, "/to"},
			"too many":                 {func(in *research.CreateInput) { in.From = first() }, "/interval"},
			"no such kind":             {func(in *research.CreateInput) { in.Kind = "dream" }, "/kind"},
			"a search that is none":    {func(in *research.CreateInput) { in.Search = &research.Search{} }, "/search"},
			"a sweep without a search": {func(in *research.CreateInput) { in.Kind = research.Sweep }, "/search"},
			"a search of bad ranges":   {sweep("fast=5:x", "odd=1"), "/search/ranges"},
			"a search of nothing":      {sweep(), "/search/ranges"},
			"a grid without steps":     {sweep("fast=5:50:log"), "/search/ranges"},
			"too many sets":            {sweep("fast=2:200", "slow=3:500"), "/search/ranges"},
			"too many candles of sets": {func(in *research.CreateInput) {
				sweep("fast=2:11", "slow=12:500")(in)
				in.From = last().AddDate(-2, 0, 0)
			}, "/search/ranges"},
			"windows longer than history": {walk(40*24*time.Hour, 0), "/search/in_sample_hours"},
			"windows of broken candles":   {walk(time.Hour+time.Second, 90*time.Second), "/search/in_sample_hours /search/out_of_sample_hours"},
			"all that a search has": {func(in *research.CreateInput) {
				sweep("fast=5:50:5")(in)
				in.Search.Method, in.Search.Measure, in.Search.Trials, in.Search.MaxDrawdown, in.Search.MinTrades = "magic", "luck", -1, 1, -1
			}, "/search/max_drawdown /search/method /search/min_trades /search/objective /search/trials"},
			"no candle": {func(in *research.CreateInput) {
				in.Interval, in.From, in.To = 24*time.Hour, last().Add(-20*time.Hour), last()
			}, "/to"},
		}
		for name, c := range cases {
			in := fine()
			c.change(&in)
			_, err := b.Create(ctx, b.who, in)
			b.want(err, errs.Invalid, "invalid_input")
			var e *errs.Error
			if !errors.As(err, &e) {
				continue
			}
			var got []string
			for _, f := range e.Fields {
				got = append(got, f.Path)
			}
			slices.Sort(got)
			if text := strings.Join(slices.Compact(got), " "); text != c.want {
				b.t.Errorf("%s: %s, want %s", name, text, c.want)
			}
			_, err = b.Check(ctx, b.who, in)
			b.want(err, errs.Invalid, "invalid_input")
		}
		if b.used() != 0 {
			b.t.Errorf("faulty input took %d places", b.used())
		}
	})
}

// proves E9: a plan's refusals leave nothing behind.
func TestPlans(t *testing.T) {
	t.Parallel()
	each(t, "free", func(b *bench) {
		ctx := b.t.Context()
		year := research.CreateInput{Pair: "XBTMYR", Strategy: "cross", Interval: time.Hour, From: last().AddDate(0, 0, -366), To: last()}
		more := year
		more.From = last().AddDate(0, 0, -368)
		refused := func(in research.CreateInput, code, message string) {
			b.t.Helper()
			places := b.used()
			_, err := b.Create(ctx, b.who, in)
			b.want(err, errs.LimitExceeded, code)
			if err != nil && !strings.Contains(err.Error(), message) {
				b.t.Errorf("got %v, want %s", err, message)
			}
			if b.used() != places {
				b.t.Errorf("the refused run takes a place: %d after %d", b.used(), places)
			}
		}
		change := func(plan string) {
			_, err := b.billing.ChangePlan(ctx, tenant, billing.ChangePlanInput{Plan: plan, Actor: "test"})
			b.must(err)
		}
		refused(year, billing.CodeNotInPlan, "Your Free plan does not include backtests. Basic does.")
		change("basic")
		stored := year
		stored.Source, stored.Pair, stored.From, stored.To, stored.Recorded = research.FromStore, "BTCUSD", first(), first().AddDate(2, 0, 0), time.Hour
		refused(stored, billing.CodeLimitExceeded, "366 days of data in a backtest and you asked for 731. Premium allows 3,653.")
		refused(more, billing.CodeLimitExceeded, "366 days of data in a backtest and you asked for 368. Premium allows 3,653.")
		for _, kind := range []research.Kind{research.Sweep, research.WalkForward} {
			searched := year
			searched.Kind, searched.Search = kind, &research.Search{Ranges: []string{"fast=5:25:5"}}
			refused(searched, billing.CodeNotInPlan, "Your Basic plan does not include advanced backtests. Premium does.")
		}
		r, err := b.Create(ctx, b.who, year)
		b.must(err)
		refused(year, billing.CodeLimitExceeded, "Your Basic plan allows 1 backtest at a time and you have 1. Premium allows 4.")
		_, err = b.Cancel(ctx, b.who, r.ID)
		b.must(err)
		change("premium")
		for range 4 {
			_, err := b.Create(ctx, b.who, more)
			b.must(err)
		}
		refused(year, billing.CodeLimitExceeded, "Your Premium plan allows 4 backtests at a time and you have 4.")
		list, err := b.Runs(ctx, b.who, page.Page{})
		b.must(err)
		if len(list.Items) != 4 {
			b.t.Errorf("%d runs are kept: those under way are more than Keep, and the cancelled one is not the newest", len(list.Items))
		}
	})
}

// proves E1: a hundred creates at once on two services give one run on a plan
// that allows one.
func TestCreatesAtOnce(t *testing.T) {
	t.Parallel()
	each(t, "basic", func(b *bench) {
		other := newBench(b.t, b.db)
		codes := billingtest.Storm(100, func(i int) error {
			_, err := []*bench{b, other}[i%2].Create(b.t.Context(), b.who, research.CreateInput{Pair: "XBTMYR", Strategy: "cross"})
			return err
		})
		if codes[""] != 1 || codes[billing.CodeLimitExceeded] != 99 {
			b.t.Errorf("outcomes = %v", codes)
		}
		list, err := b.Runs(b.t.Context(), b.who, page.Page{})
		b.must(err)
		if len(list.Items) != 1 || b.used() != 1 {
			b.t.Errorf("%d runs, %d places", len(list.Items), b.used())
		}
	})
}

func TestRoles(t *testing.T) {
	t.Parallel()
	each(t, "basic", func(b *bench) {
		ctx := b.t.Context()
		r := b.create()
		viewer, stranger := b.who, tenancy.Principal{TenantID: "tenant-2", Role: tenancy.Owner}
		viewer.Role = tenancy.Viewer
		_, err := b.Create(ctx, viewer, research.CreateInput{Pair: "XBTMYR", Strategy: "cross"})
		b.want(err, errs.Forbidden, "permission_denied")
		_, err = b.Cancel(ctx, viewer, r.ID)
		b.want(err, errs.Forbidden, "permission_denied")
		b.want(b.Delete(ctx, viewer, r.ID), errs.Forbidden, "permission_denied")
		if _, err := b.Run(ctx, viewer, r.ID); err != nil {
			b.t.Errorf("a viewer may not look: %v", err)
		}
		_, err = b.Run(ctx, stranger, r.ID) // proves P12
		b.want(err, errs.NotFound, "backtest_not_found")
		_, err = b.Cancel(ctx, stranger, r.ID)
		b.want(err, errs.NotFound, "backtest_not_found")
		_, err = b.Result(ctx, stranger, r.ID, research.PartPage)
		b.want(err, errs.NotFound, "backtest_not_found")
		b.want(b.Delete(ctx, stranger, r.ID), errs.NotFound, "backtest_not_found")
		if b.run(r.ID).Status != research.Queued {
			b.t.Errorf("a stranger made it %s", b.run(r.ID).Status)
		}
	})
}
