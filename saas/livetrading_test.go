package saas_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/luno"
	"github.com/lunobot/lunobot/exchange/luno/lunostream"
	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/saas"
	"github.com/lunobot/lunobot/saas/account"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/page"
	"github.com/lunobot/lunobot/saas/replay"
	"github.com/lunobot/lunobot/saas/saasdb"
	"github.com/lunobot/lunobot/strategy/backtest/parity"
	"github.com/lunobot/lunobot/tenancy"
	"github.com/lunobot/lunobot/tenancy/vault"
)

// liveServerEnv makes this test binary a server whose bots trade live.
const liveServerEnv = "LUNOBOT_TEST_LIVE_SERVER"

// liveServer is a server whose bots decide by a recorded market, in which a minute takes
// half a second, and trade at a simulated Luno in another process.
type liveServer struct {
	Database, Dir string
	// Rest and Stream are where the exchange is, Wall is when the recording begins.
	Rest, Stream string
	Wall         time.Time
	// Events, Signing and Vault are what the processes of an installation share, Lease is
	// how long their leases last, and Role is what this one is. Without them it is a whole
	// installation.
	Events, Signing, Vault string
	Lease                  time.Duration
	Role                   saas.Role
}

const liveServerSpeed = 120

// config is that of the server's App.
func (s liveServer) config() (saas.Config, error) {
	tape, err := demo.New(demo.Config{Anchor: demo.Anchor{Wall: s.Wall}, Seed: 11, Speed: liveServerSpeed})
	if err != nil {
		return saas.Config{}, err
	}
	log := slog.New(slog.DiscardHandler)
	if os.Getenv("LUNOBOT_TEST_LOG") != "" {
		log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	return saas.Config{
		DatabaseURL: s.Database, DataDir: s.Dir, EventsURL: s.Events, Lease: s.Lease, Log: log, Role: s.Role, Secrets: s.secrets(),
		Strategies: oddBundle(), Venues: map[string]account.Venue{"luno": simVenue(s)},
		Live: &saas.LiveMarket{
			Data: func(string) exchange.MarketData { return tape }, Name: "luno", Notice: "A recording", Now: tape.Now, Simulated: true, Stream: tape,
			Title: "the recording", Venue: "luno",
		},
	}, nil
}

// secrets are the role's.
func (s liveServer) secrets() (k saas.Secrets) {
	if s.Vault != "" {
		k.Vault = vault.NewSecret(s.Vault)
	}
	if s.Signing != "" && s.Role != saas.Worker {
		k.Signing = vault.NewSecret(s.Signing)
	}
	return k
}

// simVenue reaches the exchange of a server.
type simVenue liveServer

type simAccount struct {
	exchange.Account
	exchange.AccountStreamer
}

// Connect implements account.Venue.
func (v simVenue) Connect(c account.Credential, _ exchange.Budget, markets []exchange.Market, wallets map[string]string) (account.Connection, error) {
	budget, err := luno.NewBudget(luno.BudgetConfig{PerMinute: 60_000, Burst: 1_000})
	if err != nil {
		return nil, err
	}
	id, secret := c.Key.Reveal(), luno.Secret(c.Secret.Reveal())
	client, err := luno.New(luno.Config{Accounts: wallets, BaseURL: v.Rest, Budget: budget, KeyID: id, Secret: secret, Markets: markets, Tries: 2})
	if err != nil {
		return nil, err
	}
	dialer, err := lunostream.NewDialer(lunostream.DialerConfig{BaseURL: v.Stream, KeyID: id, Secret: secret})
	if err != nil {
		return nil, err
	}
	stream, err := lunostream.NewAccount(lunostream.AccountConfig{Dialer: dialer, Markets: client})
	return simAccount{client, stream}, err
}

// KeyChecker implements account.Venue.
func (v simVenue) KeyChecker(c account.Credential, b exchange.Budget) (exchange.KeyChecker, error) {
	return luno.New(luno.Config{BaseURL: v.Rest, Budget: b, KeyID: c.Key.Reveal(), Secret: luno.Secret(c.Secret.Reveal())})
}

// runLiveServer is the main of such a server: it works until it is killed, or told to
// end.
func runLiveServer() int {
	told, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	var s liveServer
	err := json.Unmarshal([]byte(os.Getenv(liveServerEnv)), &s)
	var app *saas.App
	if err == nil {
		app, err = s.open(context.Background())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "the server of the test:", err)
		return 1
	}
	<-told.Done()
	app.Stop()
	return 0
}

// open starts the server here.
func (s liveServer) open(ctx context.Context) (*saas.App, error) {
	cfg, err := s.config()
	if err != nil {
		return nil, err
	}
	app, err := saas.New(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if err := app.Start(ctx); err != nil {
		app.Stop()
		return nil, err
	}
	return app, nil
}

// start starts it as a process, which is killed when the test ends, if not before.
func (s liveServer) start(t *testing.T) *exec.Cmd {
	t.Helper()
	raw, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0]) //nolint:noctx // this test binary, which the test ends
	cmd.Env = append(os.Environ(), liveServerEnv+"="+string(raw))
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kill9(cmd) })
	return cmd
}

// liveRun is a bot that trades live, and what the test looks at.
type liveRun struct {
	t      *testing.T
	server liveServer
	sim    simProcess
	store  *saasdb.Store
	who    tenancy.Principal
	bot    bot.Bot
	books  liveBooks
	// still ends the trades of others.
	still func()
}

// until waits for something.
func (r *liveRun) until(what string, ok func() bool) {
	r.t.Helper()
	for deadline := time.Now().Add(4 * time.Minute); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			b, err := r.store.Bot(r.t.Context(), r.who.TenantID, r.bot.ID)
			lines, _ := r.store.Decisions(r.t.Context(), r.who.TenantID, r.bot.ID, page.Page{Limit: 10})
			r.t.Fatalf("waited too long for %s; the bot is %s (%s), %v; its log is %+v", what, b.Status, b.Reason, err, lines)
		}
	}
}

// fills are those that the bot's own journal has, newest first.
func (r *liveRun) fills() (all []journal.Fill) {
	r.t.Helper()
	for p := (page.Page{Limit: page.MaxLimit}); ; {
		list, err := r.store.Fills(r.t.Context(), r.who.TenantID, r.bot.ID, p)
		if err != nil {
			r.t.Fatal(err)
		}
		l := page.Of(list, p.Limit, func(f journal.Fill) string { return strconv.FormatInt(f.Sequence, 10) })
		all = append(all, l.Items...)
		if p.After = l.Next; p.After == "" {
			return all
		}
	}
}

// newLiveRun makes a bot that trades at a simulated Luno in which others trade, and takes
// it live.
func newLiveRun(t *testing.T, url string) *liveRun {
	t.Helper()
	return liveRunOn(t, liveServer{Database: url}, "basic", `{"fast":2,"slow":3}`)
}

// liveRunOn is newLiveRun with a strategy, on a server of which it is left to say where
// its folder and the exchange are, and when its market begins.
func liveRunOn(t *testing.T, server liveServer, strategy, parameters string) *liveRun {
	t.Helper()
	r, app := paperRunOn(t, server, strategy, parameters)
	defer app.Stop()
	balance := decimal.NewFromInt(5_000)
	if _, err := app.Bots().GoLive(t.Context(), r.who, r.bot.ID, bot.GoLiveInput{AccountID: r.books.account, Balance: &balance, Confirm: r.bot.Name, Waive: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := app.Bots().Start(t.Context(), r.who, r.bot.ID); err != nil {
		t.Fatal(err)
	}
	return r
}

// paperRunOn is liveRunOn with a bot that is stopped and on paper, and an account beside it;
// the server is at work here.
func paperRunOn(t *testing.T, server liveServer, strategy, parameters string) (*liveRun, *saas.App) {
	t.Helper()
	sim := startSim(t)
	d, err := db.Open(t.Context(), db.Config{URL: server.Database})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	server.Dir, server.Rest, server.Stream, server.Wall = t.TempDir(), sim.Rest, sim.Stream, time.Now().Truncate(time.Second)
	r := &liveRun{t: t, sim: sim, store: saasdb.New(d), server: server}
	client, err := traderTask{Rest: sim.Rest, KeyID: sim.key(1).ID, Secret: sim.key(1).Secret}.client()
	if err != nil {
		t.Fatal(err)
	}
	r.still = sim.crowded(t, 5)
	r.books = liveBooks{client: client, store: r.store, market: liveMarket()}
	if r.books.before, err = holdings(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	app, err := r.server.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(app.Stop)
	login, err := app.Tenancy().Register(t.Context(), tenancy.RegisterInput{
		Email: "trade@example.com", Password: "a long enough phrase", FirstName: "Lee", LastName: "Fe",
	})
	if err != nil {
		t.Fatal(err)
	}
	r.who = login.Principal
	if _, r.bot, err = app.Bots().Create(t.Context(), r.who, bot.CreateInput{
		Name: "trader", Pair: livePair, Strategy: strategy, Parameters: []byte(parameters),
	}); err != nil {
		t.Fatal(err)
	}
	acc, err := app.Accounts().Connect(t.Context(), r.who, account.NewConnect("Main", "luno", sim.key(1).ID, sim.key(1).Secret))
	if err != nil {
		t.Fatal(err)
	}
	r.until("the key to be checked", func() bool {
		acc, err = r.store.Account(t.Context(), r.who.TenantID, acc.ID)
		return err == nil && acc.State == account.Connected
	})
	r.books.tenant, r.books.account, r.books.bots = r.who.TenantID, acc.ID, []string{r.bot.ID}
	return r, app
}

// stop starts the server once more, stops the bot there, and waits until it rests and what
// it saw and heard has been replayed.
func (r *liveRun) stop() replay.Replay {
	r.t.Helper()
	app, err := r.server.open(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	defer app.Stop()
	if _, err := app.Bots().Stop(r.t.Context(), r.who, r.bot.ID); err != nil {
		r.t.Fatal(err)
	}
	r.until("the bot to stop", func() bool {
		b, err := r.store.Bot(r.t.Context(), r.who.TenantID, r.bot.ID)
		return err == nil && b.Status == bot.Stopped
	})
	rep, err := app.Replays().Request(r.t.Context(), r.who, r.bot.ID)
	if err != nil {
		r.t.Fatal(err)
	}
	r.until("the parity report", func() bool {
		rep, err = app.Replays().Replay(r.t.Context(), r.who, r.bot.ID)
		return err == nil && rep.Status.Over()
	})
	return rep
}

// taped compares the bot's tapes with what the journal says that became of its orders:
// each event that it has heard is there once.
func (r *liveRun) taped() {
	r.t.Helper()
	bases, err := r.store.Baselines(r.t.Context(), r.who.TenantID, r.bot.ID, 100)
	if err != nil || len(bases) == 0 {
		r.t.Fatal(bases, err)
	}
	var first parity.Baseline
	if err := json.Unmarshal(bases[0].Body, &first); err != nil {
		r.t.Fatal(err)
	}
	points, err := r.store.TapePoints(r.t.Context(), r.who.TenantID, r.bot.ID, bases[0], nil)
	if err != nil {
		r.t.Fatal(err)
	}
	var onTape, inJournal []int64
	for _, p := range points {
		var one parity.Point
		if err := json.Unmarshal(p.Body, &one); err != nil {
			r.t.Fatal(err)
		}
		for _, a := range one.Acts {
			if a.Given != nil {
				for _, n := range a.Given.News {
					onTape = append(onTape, n.Event)
				}
			}
		}
	}
	events, err := r.store.LiveEvents(r.t.Context(), r.who.TenantID, r.bot.ID, first.Event(), 10_000)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, e := range events {
		inJournal = append(inJournal, e.Event)
	}
	if !slices.Equal(onTape, inJournal) {
		r.t.Errorf("the events %v are on the tape, and %v are in the journal", onTape, inJournal)
	}
}

// believed is what the bot's account has by its newest checkpoint, and how many open orders.
func (r *liveRun) believed() (base, counter decimal.Decimal, orders int) {
	r.t.Helper()
	cp, err := r.store.Checkpoint(r.t.Context(), r.who.TenantID, r.bot.ID)
	if err != nil {
		r.t.Fatal(err)
	}
	var st struct {
		Engine struct {
			Portfolio struct {
				Base    exchange.Steps `json:"base"`
				Dust    exchange.Dust  `json:"dust"`
				Counter exchange.Units `json:"counter"`
			} `json:"portfolio"`
			Orders []json.RawMessage `json:"orders"`
		} `json:"engine"`
	}
	if err := json.Unmarshal(cp.State, &st); err != nil {
		r.t.Fatal(err)
	}
	m, p := r.books.market, st.Engine.Portfolio
	return m.Volume(p.Base).Add(m.DustAmount(p.Dust)), m.Amount(p.Counter), len(st.Engine.Orders)
}

// same compares what the bot believes with its book at the exchange: what its account
// has beyond what it was given is what its fills came to, to the last digit.
func (r *liveRun) same() {
	r.t.Helper()
	books, err := r.store.AccountBooks(r.t.Context(), r.who.TenantID, r.books.account)
	if err != nil || len(books) != 1 {
		r.t.Fatal(books, err)
	}
	base, counter, orders := r.believed()
	if !base.Equal(books[0].Base) || !counter.Equal(books[0].Counter) || orders > 0 {
		r.t.Errorf("the bot believes to have %s and %s and %d orders, and its book says %s and %s", base, counter, orders, books[0].Base, books[0].Counter)
	}
	base = decimal.Zero
	for _, f := range r.fills() {
		if f.Side == "buy" {
			base = base.Add(f.Volume)
		} else {
			base = base.Sub(f.Volume)
		}
		base = base.Sub(f.FeeBase)
	}
	if !base.Equal(books[0].Base) {
		r.t.Errorf("the fills that pages show make %s, and the book says %s", base, books[0].Base)
	}
}

// proves T1, T3, T7 for the whole program: a bot that was taken live buys and sells at a
// simulated Luno while its server is killed with kill -9 again and again; afterwards the
// exchange's books, the journal, the bot's own account and what pages show of it are the
// same to the last digit, and nothing is open. And PL2: what it saw and heard of its orders
// is on its tape once, and comes to the same again.
func TestLiveBotTrades(t *testing.T) {
	t.Parallel()
	dbtest.EachURL(t, func(t *testing.T, url string) {
		r := newLiveRun(t, url)
		rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
		kills := 0
		for ; kills < 2; kills++ {
			server := r.server.start(t)
			seen := len(r.fills())
			r.until("more fills, and a sale in the end", func() bool {
				list := r.fills()
				return len(list) > seen && (kills == 0 || slices.ContainsFunc(list, func(f journal.Fill) bool { return f.Side == "sell" }))
			})
			time.Sleep(time.Duration(rng.IntN(1500)) * time.Millisecond) // the moment of the kill is the test
			kill9(server)
		}
		rep := r.stop()
		if rep.Status != replay.Done || rep.Report.Difference != nil || rep.Report.Acts == 0 {
			t.Fatalf("its replay: %s %+v", rep.Headline(), rep.Report)
		}
		if s := rep.Report.Slippage; s == nil || s.Orders+s.OnlyThere < 2 { // it bought and sold
			t.Errorf("its fills were not compared: %+v", s)
		}
		t.Log(rep.Headline())
		r.taped()
		tally := &liveTally{kills: kills}
		r.books.compare(t, tally)
		r.same()
		if !tally.whole() {
			t.Errorf("%s %q", tally, tally.wrong)
		}
		sides := map[string]int{}
		for _, f := range r.fills() {
			sides[f.Side]++
		}
		if t.Log(tally, sides); sides["buy"] == 0 || sides["sell"] == 0 {
			t.Errorf("it traded %v", sides)
		}
		lines, err := r.store.Decisions(t.Context(), r.who.TenantID, r.bot.ID, page.Page{Limit: 1})
		if err != nil || len(lines) == 0 || !strings.HasPrefix(lines[0].Text, "stopped") {
			t.Errorf("the log ends with %+v, %v", lines, err)
		}
	})
}
