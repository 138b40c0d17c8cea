package execution_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/exchangetest"
	"github.com/lunobot/lunobot/exchange/paper"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/execution"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/lease"
	"github.com/lunobot/lunobot/saas/saasdb"
	"github.com/lunobot/lunobot/tenancy/tenancydb"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

func dec(s string) decimal.Decimal { return decimal.RequireFromString(s) }

const pair = "XBTMYR"

// world is a venue with our account and somebody to trade with, and a bot with its
// journal.
type world struct {
	clock  *exchangetest.StillClock
	market exchange.Market
	venue  *paper.Exchange
	mine   *paper.Member
	other  *paper.Member
	store  *saasdb.Store
	botID  string
	// trader is what the bot reaches the venue by.
	trader exchange.Trader
	// commit is how the bot writes its journal.
	commit func(ctx context.Context, e journal.LiveEntry) error
	left   time.Duration
	paused []string
	last   int64 // number of the newest order of other
}

const given = 10_000_000 // units of MYR, and steps of XBT

// newWorld makes a world whose bot has its journal in a database.
func newWorld(t testing.TB, d *db.DB) *world {
	t.Helper()
	w := &world{clock: exchangetest.NewStillClock(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)), store: saasdb.New(d), botID: uuid.Must(uuid.NewV7()).String(), left: 10 * time.Second}
	w.market = exchange.Market{
		Pair: pair, Base: "XBT", Counter: "MYR", Tick: dec("1"), Step: dec("0.0001"), MinVolume: 2, Status: exchange.MarketActive,
	}
	var err error
	w.venue, err = paper.NewExchange(paper.ExchangeConfig{
		Fees: exchange.Fees{Maker: 100_000, Taker: 250_000}, Markets: []exchange.Market{w.market}, Now: w.clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.mine, w.other = w.join(t, "mine"), w.join(t, "other")
	w.trader, w.commit = w.mine, w.group(t, w.store)
	w.seed(t, d)
	return w
}

// seed puts the bot into the database.
func (w *world) seed(t testing.TB, d *db.DB) {
	t.Helper()
	err := d.SystemTx(t.Context(), "seeding", func(ctx context.Context) error {
		return w.store.InsertBot(ctx, "t", bot.Config{ID: w.botID, BotID: w.botID, CreatedAt: w.clock.Now(), UpdatedAt: w.clock.Now()},
			bot.Bot{ID: w.botID, ConfigID: w.botID, CreatedAt: w.clock.Now(), UpdatedAt: w.clock.Now()})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// join makes a member who has what the bot is given.
func (w *world) join(t testing.TB, id string) *paper.Member {
	t.Helper()
	m, err := w.venue.Join(id)
	if err := errors.Join(err, m.Deposit("MYR", w.market.Amount(given)), m.Deposit("XBT", w.market.Volume(given))); err != nil {
		t.Fatal(err)
	}
	return m
}

func (w *world) group(t testing.TB, store journal.LiveStore) func(ctx context.Context, e journal.LiveEntry) error {
	t.Helper()
	g, err := journal.NewGroup(journal.GroupConfig{Store: store})
	if err != nil {
		t.Fatal(err)
	}
	return g.Commit
}

// config is that of an Executor under a new lease.
func (w *world) config(t testing.TB) execution.Config {
	t.Helper()
	h, err := w.store.StartHolder(t.Context(), "worker of "+w.botID)
	if err != nil {
		t.Fatal(err)
	}
	got, err := w.store.TakeLeases(t.Context(), lease.Take{
		Holder: h, Resources: []lease.Resource{{Kind: lease.Bots, TenantID: "t", ID: w.botID}}, Limit: 1, Now: w.clock.Now(), Until: w.clock.Now(),
	})
	if err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
	return execution.Config{
		Account: "acc-" + w.botID, BotID: w.botID, TenantID: "t", Commit: w.commit, Epoch: got[0].Epoch, Installation: "here",
		Given: map[string]execution.Given{pair: {Base: given, Counter: given}}, Left: func() time.Duration { return w.left },
		Markets: []exchange.Market{w.market}, Now: w.clock.Now, Store: w.store, Trader: w.trader,
		Paused: func(_ context.Context, reason string) { w.paused = append(w.paused, reason) },
	}
}

// open returns an Executor under a new lease that has been reconciled.
func (w *world) open(t testing.TB) *execution.Executor {
	t.Helper()
	e, err := execution.Open(t.Context(), w.config(t))
	if err != nil {
		t.Fatal(err)
	}
	check(t, e)
	return e
}

func check(t testing.TB, e *execution.Executor) journal.Check {
	t.Helper()
	c, err := e.Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// limit is an intent to buy or sell at a price.
func limit(number int64, side exchange.Side, price exchange.Ticks, volume exchange.Steps) execution.Intent {
	return execution.Intent{
		Number: number, Reason: "why not",
		Request: exchange.OrderRequest{Pair: pair, Side: side, Type: exchange.LimitOrder, Price: price, Volume: volume},
	}
}

// place places an order that is expected to have a state.
func place(t testing.TB, e *execution.Executor, in execution.Intent, want journal.OrderState) journal.LiveOrder {
	t.Helper()
	o, err := e.Place(t.Context(), in)
	if err != nil || o.State != want {
		t.Fatalf("order %d is %q (%s), %v; want %s", in.Number, o.State, o.Reason, err, want)
	}
	return o
}

// others places an order of somebody else, or by hand on our own account.
func (w *world) others(t testing.TB, m *paper.Member, side exchange.Side, price exchange.Ticks, volume exchange.Steps) exchange.Order {
	t.Helper()
	w.last++
	o, err := m.Place(t.Context(), exchange.OrderRequest{
		ClientID: fmt.Sprint(m.ID(), "-", w.last), Pair: pair, Side: side, Type: exchange.LimitOrder, Price: price, Volume: volume,
	})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// journalled returns an order as the journal has it.
func (w *world) journalled(t testing.TB, number int64) journal.LiveOrder {
	t.Helper()
	o, err := w.store.LiveOrder(t.Context(), "t", w.botID, number)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// path lists the states that an order went through.
func (w *world) path(t testing.TB, number int64) []journal.OrderState {
	t.Helper()
	history, err := w.store.LiveHistory(t.Context(), "t", w.botID, number)
	if err != nil {
		t.Fatal(err)
	}
	var states []journal.OrderState
	for _, h := range history {
		if h.Cause == "" {
			t.Errorf("order %d became %s without a cause", number, h.To)
		}
		states = append(states, h.To)
	}
	return slices.Compact(states)
}

// scripted is a way to the venue with single calls replaced.
type scripted struct {
	exchange.Trader
	place    func(r exchange.OrderRequest) (exchange.Order, error)
	cancel   func(orderID string) error
	order    func(clientID string) (exchange.Order, error)
	byID     func(orderID string) (exchange.Order, error)
	open     func(list []exchange.Order) []exchange.Order
	fills    func(list []exchange.Fill) []exchange.Fill
	balances func(list []exchange.Balance) []exchange.Balance
}

func (s *scripted) Place(ctx context.Context, r exchange.OrderRequest) (exchange.Order, error) {
	if s.place != nil {
		return s.place(r)
	}
	return s.Trader.Place(ctx, r)
}

func (s *scripted) Cancel(ctx context.Context, pair, orderID string) error {
	if s.cancel != nil {
		return s.cancel(orderID)
	}
	return s.Trader.Cancel(ctx, pair, orderID)
}

func (s *scripted) Order(ctx context.Context, pair, clientID string) (exchange.Order, error) {
	if s.order != nil {
		return s.order(clientID)
	}
	return s.Trader.Order(ctx, pair, clientID)
}

func (s *scripted) OrderByID(ctx context.Context, pair, orderID string) (exchange.Order, error) {
	if s.byID != nil {
		return s.byID(orderID)
	}
	return s.Trader.OrderByID(ctx, pair, orderID)
}

func (s *scripted) OpenOrders(ctx context.Context, pair string) ([]exchange.Order, error) {
	list, err := s.Trader.OpenOrders(ctx, pair)
	if s.open != nil {
		list = s.open(list)
	}
	return list, err
}

func (s *scripted) Fills(ctx context.Context, pair string, after int64, limit int) ([]exchange.Fill, error) {
	list, err := s.Trader.Fills(ctx, pair, after, limit)
	if s.fills != nil {
		list = s.fills(list)
	}
	return list, err
}

func (s *scripted) Balances(ctx context.Context) ([]exchange.Balance, error) {
	list, err := s.Trader.Balances(ctx)
	if s.balances != nil {
		list = s.balances(list)
	}
	return list, err
}

// script puts a scripted way to the venue before the bot.
func (w *world) script() *scripted {
	s := &scripted{Trader: w.mine}
	w.trader = s
	return s
}

// each runs a test in a world of its own on both databases.
func each(t *testing.T, fn func(t *testing.T, w *world)) {
	t.Helper()
	dbtest.Each(t, []db.MigrationSet{tenancydb.Migrations(), saasdb.Migrations()}, func(t *testing.T, d *db.DB) { fn(t, newWorld(t, d)) })
}

// sqlite runs a test in a world of its own on SQLite, for what no database changes.
func sqlite(t *testing.T) *world {
	t.Helper()
	return newWorld(t, dbtest.SQLite(t, tenancydb.Migrations(), saasdb.Migrations()))
}
