package api_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/billing"
	"github.com/lunobot/lunobot/billing/billingdb"
	"github.com/lunobot/lunobot/billing/billingtest"
	"github.com/lunobot/lunobot/billing/offline"
	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/saas/account"
	"github.com/lunobot/lunobot/saas/api"
	"github.com/lunobot/lunobot/saas/blotter"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/saas/ceiling"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/halt"
	"github.com/lunobot/lunobot/saas/hook"
	"github.com/lunobot/lunobot/saas/replay"
	"github.com/lunobot/lunobot/saas/research"
	"github.com/lunobot/lunobot/saas/saasdb"
	"github.com/lunobot/lunobot/strategy/param"
	"github.com/lunobot/lunobot/tenancy"
	"github.com/lunobot/lunobot/tenancy/tenancydb"
	"github.com/lunobot/lunobot/tenancy/vault"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// bench is an API over the real services on a real database.
type bench struct {
	t     testing.TB
	api   *api.API
	clock *billingtest.Clock
	store *saasdb.Store
	users *tenancydb.Store
	bots  *bot.Service
	runs  *research.Service
	live  *hub
	log   *logBuffer
	ready error
	// plugins is the folder of what was put in.
	plugins string
}

// setup builds a bench; change may alter the configuration.
func setup(t testing.TB, change ...func(*api.Config)) *bench {
	t.Helper()
	return setupOn(t, dbtest.SQLite(t, sets()...), change...)
}

func sets() []db.MigrationSet {
	return []db.MigrationSet{tenancydb.Migrations(), billingdb.Migrations(), saasdb.Migrations()}
}

// setupOn builds a bench on a database.
func setupOn(t testing.TB, d *db.DB, change ...func(*api.Config)) *bench {
	t.Helper()
	b := &bench{t: t, clock: &billingtest.Clock{}, store: saasdb.New(d), users: tenancydb.New(d), live: newHub(), log: &logBuffer{}}
	events := &billingtest.Events{}
	provider, err := offline.New(offline.Config{})
	must(t, err)
	plans, err := billing.New(billing.Config{Events: events, Now: b.clock.Now, Provider: provider, Store: billingdb.New(d), Tx: d})
	must(t, err)
	must(t, plans.Publish(t.Context()))
	people, err := tenancy.New(tenancy.Config{
		Enrol:  func(ctx context.Context, who tenancy.Tenant) error { return plans.Enrol(ctx, who.ID) },
		Events: events, Now: b.clock.Now, Store: b.users, Tx: d, Passwords: cheap(),
		Tokens: tenancy.TokenConfig{Keys: []tenancy.SigningKey{{ID: "test", Secret: bytes.Repeat([]byte("k"), 32)}}},
	})
	must(t, err)
	market := markets(t)
	kek, err := vault.NewKEK()
	must(t, err)
	sealer, err := vault.NewSealer(vault.SealerConfig{KEK: kek.Public(), Now: b.clock.Now, Store: tenancydb.New(d)})
	must(t, err)
	halts, err := halt.NewService(halt.Config{Events: events, Now: b.clock.Now, Store: b.store, Tx: d})
	must(t, err)
	ceilings, err := ceiling.NewService(ceiling.Config{Events: events, Markets: pairs{market}, Now: b.clock.Now, Store: b.store, Tx: d})
	must(t, err)
	b.bots, err = bot.NewService(bot.ServiceConfig{
		Events: events, Gate: plans.Gate(), Halts: halts, LiveVenue: "luno", Markets: pairs{market}, Now: b.clock.Now,
		Store: b.store, Strategies: crossOnly{schema(t)}, Tx: d,
	})
	must(t, err)
	b.runs, err = research.NewService(research.ServiceConfig{
		Events: events, Gate: plans.Gate(), History: twoYears{}, Leases: b.store, Markets: pairs{market}, Now: b.clock.Now, Store: b.store,
		Strategies: crossOnly{schema(t)}, Tx: d,
	})
	must(t, err)
	b.plugins = t.TempDir()
	shop, err := catalog.NewService(catalog.Config{
		Events: events, Folder: catalog.NewFolder(b.plugins), Host: nobody{}, Now: b.clock.Now, Store: b.store, Tx: d,
	})
	must(t, err)
	replays, err := replay.NewService(replay.ServiceConfig{Bots: b.bots, Now: b.clock.Now, Store: b.store})
	must(t, err)
	hooks, err := hook.NewService(hook.Config{
		Events: events, MarketNow: b.clock.Now, Now: b.clock.Now, Pepper: bytes.Repeat([]byte("p"), 32), Rand: rand.Reader, Store: b.store,
		Takes: func(_ context.Context, strategy, _ string) (bool, error) { return strategy == "basic", nil }, Tx: d,
	})
	must(t, err)
	accounts, err := account.NewService(account.ServiceConfig{Events: events, Gate: plans.Gate(), Now: b.clock.Now, Sealer: sealer, Store: b.store, Tx: d, Venues: []string{"luno"}})
	must(t, err)
	orders, err := blotter.New(blotter.Config{Bots: b.bots, Events: events, Now: b.clock.Now, Store: b.store, Tx: d})
	must(t, err)
	cfg := api.Config{
		Accounts: accounts, Ceilings: ceilings, Halts: halts, Hooks: hooks, Replays: replays,
		Catalog: shop, Backtests: b.runs, Progress: b.live, Billing: plans, Blotter: orders, Bots: b.bots, CursorKey: bytes.Repeat([]byte("c"), 32), Heartbeat: time.Hour, Journal: b.store, Live: b.live,
		Logger: slog.New(slog.NewJSONHandler(b.log, nil)), Markets: market, MarketLabel: demo.Name, Now: b.clock.Now,
		Ready: func(context.Context) error { return b.ready }, Strategies: crossOnly{schema(t)}, Tenancy: people,
	}
	for _, fn := range change {
		fn(&cfg)
	}
	b.api, err = api.New(cfg)
	must(t, err)
	return b
}

// cheap makes hashing quick.
func cheap() tenancy.PasswordConfig { return tenancy.PasswordConfig{MemoryKiB: 64, Passes: 1} }

// with returns the bench for a subtest.
func (b *bench) with(t *testing.T) *bench {
	c := *b
	c.t = t
	return &c
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

//nolint:gochecknoglobals // the demo market reads two years of candles; once is enough
var sharedMarket = sync.OnceValues(func() (*demo.Replay, error) { return demo.New(demo.Config{}) })

func markets(t testing.TB) *demo.Replay {
	t.Helper()
	m, err := sharedMarket()
	must(t, err)
	return m
}

// pairs is the demo market as package bot sees it.
type pairs struct{ *demo.Replay }

func (p pairs) Market(name string) (exchange.Market, error) {
	all, err := p.Markets(context.Background())
	for _, m := range all {
		if m.Pair == name {
			return m, nil
		}
	}
	return exchange.Market{}, errors.Join(err, fmt.Errorf("no market %q", name))
}

func (p pairs) Pairs() []string { return []string{"XBTMYR", "ETHMYR"} }

// twoYears is a history that ends at midnight before the tests' clock.
type twoYears struct{}

func (twoYears) Offers(context.Context) ([]research.Offer, error) {
	to := billingtest.Epoch().Truncate(24 * time.Hour)
	m := exchange.Market{Pair: "BTCUSD", Base: "BTC", Counter: "USD", Tick: decimal.New(1, -2), Step: decimal.New(1, -6), Status: exchange.MarketActive}
	hole := research.Hole{From: to.AddDate(0, -6, 0), To: to.AddDate(0, -6, 1)}
	var all []research.Offer
	for _, pair := range []string{"XBTMYR", "ETHMYR"} {
		all = append(all, research.Offer{Ref: research.Ref{Source: research.FromMarket, Pair: pair, Recorded: time.Minute}, From: to.AddDate(-2, 0, 0), To: to})
	}
	return append(all, research.Offer{
		Ref: research.Ref{Source: research.FromStore, Pair: "BTCUSD", Recorded: time.Hour}, Market: m, From: to.AddDate(-1, 0, 0), To: to, Candles: 8736, Missing: 24, Gaps: 1,
		Holes: []research.Hole{hole}, Origin: "store: btcusd.csv",
	}), nil
}

func (y twoYears) Offer(ctx context.Context, ref research.Ref) (research.Offer, error) {
	all, err := y.Offers(ctx)
	for _, o := range all {
		if o.Source == ref.Source && o.Pair == ref.Pair && (ref.Recorded == 0 || ref.Recorded == o.Recorded) {
			return o, nil
		}
	}
	return research.Offer{}, cmp.Or(err, error(errs.New(errs.NotFound, "history_not_found", "there is no such history")))
}

// crossParams are the parameters of the one strategy here.
type crossParams struct {
	Fast int `param:"fast" default:"10" validate:"min=2,max=200,ltfield=Slow" label:"Fast average"`
	Slow int `param:"slow" default:"30" validate:"min=3,max=500" label:"Slow average"`
}

func schema(t testing.TB) *param.Schema {
	t.Helper()
	s, err := param.Of(crossParams{Fast: 10, Slow: 30})
	must(t, err)
	return s
}

// crossOnly knows one strategy, "basic".
type crossOnly struct{ schema *param.Schema }

func (c crossOnly) Validate(_ context.Context, name, _ string, params json.RawMessage) (json.RawMessage, error) {
	if name != "basic" {
		return nil, fmt.Errorf("no strategy %q", name)
	}
	return c.schema.Validate(params)
}

func (c crossOnly) Schema(_ context.Context, name, _ string) (*param.Schema, error) {
	if name != "basic" {
		return nil, fmt.Errorf("no strategy %q", name)
	}
	return c.schema, nil
}

func (crossOnly) CanTrade(_ context.Context, _, _ string, _ json.RawMessage, _ exchange.Market, also ...exchange.Market) error {
	if len(also) > 0 {
		return &bot.PairsError{Reason: "must be empty: it trades one pair only"}
	}
	return nil
}

func (c crossOnly) Names() []string { return []string{"basic"} }

func (crossOnly) Pin(name, version string) (string, error) {
	if name == "basic" && version == "0.9.0" {
		return version, nil
	}
	if name != "basic" || version != "" {
		return "", &catalog.UnusableError{Ref: catalog.Ref{Name: name, Version: version}, Why: catalog.Unknown}
	}
	return "", nil
}

func (c crossOnly) Manifests(context.Context) ([]api.Manifest, error) {
	return []api.Manifest{{Name: "basic", Version: "1.0.0", Title: "Moving-average cross", Summary: "Buys on a cross.", Guide: "## When it loses", Schema: c.schema.JSONSchema()}}, nil
}

// logBuffer keeps the log.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// reply is an answer.
type reply struct {
	t      testing.TB
	Status int
	Header http.Header
	Body   string
}

// call sends a request; headers come in pairs.
func (b *bench) call(method, path, token, body string, headers ...string) reply {
	b.t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r := httptest.NewRequestWithContext(b.t.Context(), method, path, reader)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	b.api.Handler().ServeHTTP(w, r)
	return reply{t: b.t, Status: w.Code, Header: w.Header(), Body: w.Body.String()}
}

// want checks the status and that the body holds each of the texts.
func (r reply) want(status int, texts ...string) reply {
	r.t.Helper()
	if r.Status != status {
		r.t.Fatalf("status = %d, want %d: %s", r.Status, status, r.Body)
	}
	for _, text := range texts {
		if !strings.Contains(r.Body, text) {
			r.t.Errorf("the body lacks %q: %s", text, r.Body)
		}
	}
	return r
}

// get returns a member of the body, by the names on the way to it.
func (r reply) get(names ...string) any {
	r.t.Helper()
	var v any
	if err := json.Unmarshal([]byte(r.Body), &v); err != nil {
		r.t.Fatalf("not JSON: %v: %s", err, r.Body)
	}
	for _, name := range names {
		m, ok := v.(map[string]any)
		if !ok {
			r.t.Fatalf("no %q in %s", name, r.Body)
		}
		v = m[name]
	}
	return v
}

func (r reply) text(names ...string) string {
	r.t.Helper()
	s, ok := r.get(names...).(string)
	if !ok {
		r.t.Fatalf("%v is no text in %s", names, r.Body)
	}
	return s
}

// pointers lists the faulty fields of a problem.
func (r reply) pointers() []string {
	r.t.Helper()
	var p struct {
		Errors []struct{ Pointer, Parameter string }
	}
	must(r.t, json.Unmarshal([]byte(r.Body), &p))
	list := []string{}
	for _, e := range p.Errors {
		list = append(list, e.Pointer+e.Parameter)
	}
	return list
}

// register makes a tenant and returns its access token.
func (b *bench) register(email string) string {
	b.t.Helper()
	return b.call("POST", "/api/v1/auth/register", "",
		`{"email":"`+email+`","password":"correct horse battery","first_name":"Ada","last_name":"Lovelace"}`).want(201).text("access_token")
}

// create makes a configuration and returns its id and its bot's.
func (b *bench) create(token string) (configID, botID string) {
	b.t.Helper()
	r := b.call("POST", "/api/v1/trading/configs", token, `{"name":"Cross","trading_pair":"XBTMYR","strategy_type":"basic"}`).want(201)
	return r.text("id"), r.text("bot_id")
}
