package web_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/billing"
	"github.com/lunobot/lunobot/billing/billingdb"
	"github.com/lunobot/lunobot/billing/offline"
	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/saas/account"
	"github.com/lunobot/lunobot/saas/blotter"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/saas/ceiling"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/event"
	"github.com/lunobot/lunobot/saas/halt"
	"github.com/lunobot/lunobot/saas/hook"
	"github.com/lunobot/lunobot/saas/replay"
	"github.com/lunobot/lunobot/saas/research"
	"github.com/lunobot/lunobot/saas/saasdb"
	"github.com/lunobot/lunobot/saas/web"
	"github.com/lunobot/lunobot/strategy/param"
	"github.com/lunobot/lunobot/tenancy"
	"github.com/lunobot/lunobot/tenancy/tenancydb"
	"github.com/lunobot/lunobot/tenancy/vault"
)

// noEvents is a recorder for which nobody waits.
type noEvents struct{}

func (noEvents) Record(context.Context, ...event.Event) error { return nil }

// testLog writes the log of the pages to the test's.
type testLog struct{ t testing.TB }

func (l testLog) Write(line []byte) (int, error) {
	l.t.Logf("%s", line)
	return len(line), nil
}

// world is the business that the pages work with: real services on a database,
// and bots, their journal and their live updates in memory.
type world struct {
	people   *tenancy.Service
	users    *tenancydb.Store
	billing  *billing.Service
	bots     *bot.Service
	blotter  *blotter.Service
	research *research.Service
	replays  *replay.Service
	halts    *halt.Service
	ceilings *ceiling.Service
	hooks    *hook.Service
	accounts *account.Service
	runs     *saasdb.Store
	catalog  *worldCatalog
	store    *memoryBots
	journal  *memoryJournal
	live     *hub
	market   *demo.Replay
	schema   *param.Schema
	offers   *offers
	// log gets what goes wrong inside, which no test wants.
	log io.Writer

	mu     sync.Mutex
	offset time.Duration
}

// now is the wall clock, set forward by the tests.
func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.offset)
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.offset += d
}

// parameters of the one strategy of the world.
type parameters struct {
	Fast  int    `param:"fast" label:"Fast average" help:"Length of the average that reacts first." unit:"candles" validate:"min=1,max=500,ltfield=Slow"`
	Slow  int    `param:"slow" label:"Slow average" help:"Length of the average that it is compared with." unit:"candles" validate:"min=2,max=1000"`
	Kind  string `param:"kind" label:"Kind of average" help:"An exponential one reacts sooner." validate:"oneof=sma ema" options:"sma=Simple,ema=Exponential"`
	Trail bool   `param:"trail" label:"Trail the stop" help:"Moves the stop up behind the price." group:"Exits"`
}

func newWorld(t testing.TB) *world {
	t.Helper()
	d := dbtest.SQLite(t, tenancydb.Migrations(), billingdb.Migrations(), saasdb.Migrations())
	runs := saasdb.New(d)
	w := &world{runs: runs, store: newMemoryBots(runs), journal: newMemoryJournal(), live: newHub(), offers: &offers{}, log: testLog{t}}
	var err error
	fail := func() {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	w.schema, err = param.Of(parameters{Fast: 10, Slow: 30, Kind: "sma"})
	fail()
	w.market, err = demo.New(demo.Config{Anchor: demo.Anchor{Wall: time.Now(), Index: 910}, Speed: 600})
	fail()
	provider, err := offline.New(offline.Config{})
	fail()
	w.billing, err = billing.New(billing.Config{Events: noEvents{}, Now: w.now, Provider: provider, Store: billingdb.New(d), Tx: d})
	fail()
	err = w.billing.Publish(t.Context())
	fail()
	w.users = tenancydb.New(d)
	w.people, err = tenancy.New(tenancy.Config{
		Enrol:  func(ctx context.Context, t tenancy.Tenant) error { return w.billing.Enrol(ctx, t.ID) },
		Events: noEvents{}, Now: w.now, Store: w.users, Tx: d,
		Passwords: tenancy.PasswordConfig{MemoryKiB: 64, Passes: 1},
		Tokens:    tenancy.TokenConfig{Keys: []tenancy.SigningKey{{ID: "k", Secret: []byte(strings.Repeat("k", 32))}}},
	})
	fail()
	w.halts, err = halt.NewService(halt.Config{Events: noEvents{}, Now: w.now, Store: w.runs, Tx: d})
	fail()
	w.ceilings, err = ceiling.NewService(ceiling.Config{Events: noEvents{}, Markets: worldMarkets{w.market}, Now: w.now, Store: w.runs, Tx: d})
	fail()
	w.bots, err = bot.NewService(bot.ServiceConfig{
		Events: noEvents{}, Gate: w.billing.Gate(), Halts: w.halts, LiveVenue: "luno", Markets: worldMarkets{w.market}, Now: w.now,
		Store: w.store, Strategies: worldStrategies{w.schema, w.offers}, Tx: d,
	})
	fail()
	w.blotter, err = blotter.New(blotter.Config{Bots: w.bots, Events: noEvents{}, Now: w.now, Store: runs, Tx: d})
	fail()
	w.catalog = newWorldCatalog(t, w, d)
	w.research, err = research.NewService(research.ServiceConfig{
		Events: noEvents{}, Gate: w.billing.Gate(), History: worldHistory{w.market}, Leases: w.runs, Markets: worldMarkets{w.market}, Now: w.now,
		Store: w.runs, Strategies: worldStrategies{w.schema, w.offers}, Tx: d,
	})
	fail()
	w.hooks, err = hook.NewService(hook.Config{
		Events: noEvents{}, MarketNow: w.market.Now, Now: w.now, Pepper: []byte(strings.Repeat("p", 32)), Rand: rand.Reader, Store: worldHooks{w.runs, w.store},
		Takes: func(_ context.Context, strategy, _ string) (bool, error) { return strategy == listener, nil }, Tx: d,
	})
	fail()
	kek, err := vault.NewKEK()
	fail()
	sealer, err := vault.NewSealer(vault.SealerConfig{KEK: kek.Public(), Now: w.now, Store: tenancydb.New(d)})
	fail()
	w.accounts, err = account.NewService(account.ServiceConfig{Events: noEvents{}, Gate: w.billing.Gate(), Now: w.now, Sealer: sealer, Store: w.runs, Tx: d, Venues: []string{"luno"}})
	fail()
	w.replays, err = replay.NewService(replay.ServiceConfig{Bots: w.bots, Now: w.now, Store: w.runs})
	fail()
	return w
}

// worldHistory is the market's past, and a stored one with gaps.
type worldHistory struct{ r *demo.Replay }

// storedOffer is a year of hours, of which some are missing.
func storedOffer() research.Offer {
	from := time.Date(2019, 1, 1, 0, 0, 0, 0, time.UTC)
	hole := func(day, hours int) research.Hole {
		at := from.AddDate(0, 0, day)
		return research.Hole{From: at, To: at.Add(time.Duration(hours) * time.Hour)}
	}
	return research.Offer{
		Ref: research.Ref{Source: research.FromStore, Pair: "BTCUSD", Recorded: time.Hour},
		Market: exchange.Market{
			Pair: "BTCUSD", Base: "BTC", Counter: "USD", Tick: decimal.New(1, -2), Step: decimal.New(1, -6), Status: exchange.MarketActive,
		},
		From: from, To: from.AddDate(1, 0, 0), Candles: 8760 - 77, Missing: 77, Gaps: 2, Holes: []research.Hole{hole(100, 72), hole(200, 5)}, Origin: "store: btcusd.csv",
	}
}

func (h worldHistory) Offers(ctx context.Context) ([]research.Offer, error) {
	var all []research.Offer
	for _, pair := range []string{"XBTMYR", "ETHMYR"} {
		o, err := h.Offer(ctx, research.Ref{Pair: pair})
		if err != nil {
			return nil, err
		}
		all = append(all, o)
	}
	return append(all, storedOffer()), nil
}

func (h worldHistory) Offer(_ context.Context, ref research.Ref) (research.Offer, error) {
	o := storedOffer()
	switch {
	case ref.Source == o.Source && ref.Pair == o.Pair && (ref.Recorded == 0 || ref.Recorded == o.Recorded):
		return o, nil
	case ref.Source == research.FromStore || h.r.Cycle(ref.Pair) == 0:
		return o, errs.New(errs.NotFound, "history_not_found", "no history of %q", ref.Pair)
	}
	m, err := worldMarkets(h).Market(ref.Pair)
	return research.Offer{
		Ref: research.Ref{Source: research.FromMarket, Pair: ref.Pair, Recorded: time.Minute}, Market: m, From: demo.HistoryStart(), To: h.r.Now().Truncate(time.Minute),
	}, err
}

// worldMarkets and worldStrategies are what can be chosen.
type worldMarkets struct{ r *demo.Replay }

func (m worldMarkets) Market(pair string) (exchange.Market, error) {
	list, err := m.r.Markets(context.Background())
	for _, one := range list {
		if one.Pair == pair {
			return one, nil
		}
	}
	if err == nil {
		err = errs.New(errs.NotFound, "pair_not_found", "no pair %q", pair)
	}
	return exchange.Market{}, err
}

func (m worldMarkets) Pairs() []string { return []string{"XBTMYR", "ETHMYR"} }

type worldStrategies struct {
	schema *param.Schema
	offers *offers
}

// listener is the strategy of the world that takes signals.
const listener = "listener"

// mixer is the strategy of the world that trades several pairs.
const mixer = "mixer"

func (s worldStrategies) Names() []string { return []string{"basic", listener, mixer} }

func (s worldStrategies) Pin(name, version string) (string, error) {
	if name == "basic" && s.offers.schema(version) != nil {
		return version, nil
	}
	if !slices.Contains(s.Names(), name) || version != "" && version != "1.0.0" {
		return "", &catalog.UnusableError{Ref: catalog.Ref{Name: name, Version: version}, Why: catalog.Unknown}
	}
	return "", nil
}

func (s worldStrategies) Validate(_ context.Context, name, pin string, raw json.RawMessage) (json.RawMessage, error) {
	if !slices.Contains(s.Names(), name) {
		return nil, errs.New(errs.NotFound, "strategy_not_found", "no strategy %q", name)
	}
	if other := s.offers.schema(pin); other != nil {
		return other.Validate(raw)
	}
	return s.schema.Validate(raw)
}

func (s worldStrategies) Schema(_ context.Context, name, _ string) (*param.Schema, error) {
	if !slices.Contains(s.Names(), name) {
		return nil, errs.New(errs.NotFound, "strategy_not_found", "no strategy %q", name)
	}
	return s.schema, nil
}

func (s worldStrategies) CanTrade(_ context.Context, name, _ string, _ json.RawMessage, _ exchange.Market, also ...exchange.Market) error {
	if len(also) > 0 && name != mixer {
		return &bot.PairsError{Reason: "must be empty: it trades one pair only"}
	}
	return nil
}

// config is the pages' configuration in this world.
func (w *world) config() web.Config {
	return web.Config{
		Accounts: w.accounts, Ceilings: w.ceilings,
		Billing: w.billing, Blotter: w.blotter, LiveTitle: "Luno", Bots: w.bots, Catalog: w.catalog, Gate: w.billing.Gate(), Halts: w.halts, Heartbeat: 200 * time.Millisecond, Hooks: w.hooks, Journal: w.journal, Live: w.live,
		Logger: slog.New(slog.NewTextHandler(w.log, nil)), Machine: w.machine, MarketNotice: "Replay of real candles, not live prices", MarketTime: w.market.Now,
		Markets: w.market, Now: w.now, Progress: w.live, Replays: w.replays, Research: w.research, Tenancy: w.people, Versions: w.versions,
		Strategies: func() []web.Strategy {
			return []web.Strategy{{Name: "basic", Version: "1.0.0", Title: "Moving-average cross",
				Summary: "Buys when a fast average of prices rises above a slow one, and sells when it falls below.", Schema: w.schema},
				{Name: mixer, Version: "1.0.0", Title: "Mix", Summary: "Trades several pairs with one balance.", Schema: w.schema, TradesPairs: true}}
		},
	}
}

// browser is somebody at the pages.
type browser struct {
	t      testing.TB
	url    string
	client *http.Client
	who    tenancy.Principal
}

// serve starts the pages.
func serve(t testing.TB, cfg web.Config) *httptest.Server {
	t.Helper()
	pages, err := web.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(pages.Handler())
	t.Cleanup(server.Close)
	return server
}

func visit(t testing.TB, server *httptest.Server) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t: t, url: server.URL, client: &http.Client{
		Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// member is a browser that has just signed up.
func (w *world) member(t testing.TB, server *httptest.Server, email string) *browser {
	t.Helper()
	b := visit(t, server)
	a := b.post("/signup", url.Values{"email": {email}, "password": {"correct horse battery"}, "first_name": {"Ada"}, "last_name": {"Lovelace"}})
	if a.status != http.StatusSeeOther {
		t.Fatalf("signing up: %d %s", a.status, a.body)
	}
	l, err := w.people.Login(t.Context(), tenancy.LoginInput{Email: email, Password: "correct horse battery"})
	if err != nil {
		t.Fatal(err)
	}
	b.who = l.Principal
	return b
}

// answer is what a page answered.
type answer struct {
	status int
	body   string
	header http.Header
}

func (b *browser) get(path string) answer { return b.do(http.MethodGet, path, nil, nil) }

func (b *browser) post(path string, form url.Values) answer {
	return b.do(http.MethodPost, path, form, map[string]string{"Origin": b.url, "Sec-Fetch-Site": "same-origin"})
}

func (b *browser) do(method, path string, form url.Values, header map[string]string) answer {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for k, v := range header {
		r.Header.Set(k, v)
	}
	res, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	body := readAll(b.t, res)
	return answer{res.StatusCode, body, res.Header}
}
