package runner

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/lease"
	"github.com/lunobot/lunobot/saas/live"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest/parity"
)

// shelter is all that a group needs of its worker to bring a live bot to an end: a journal
// in memory, one market, and ears for what its tenant is told.
type shelter struct {
	journal.Store
	bot.Markets
	Status

	market exchange.Market
	now    time.Time
	saved  journal.Checkpoint
	outage error
	told   []string
	curve  []journal.EquityPoint
	guards []bot.Guard
}

func (s *shelter) Checkpoint(context.Context, string, string) (journal.Checkpoint, error) {
	if s.saved.State == nil {
		return journal.Checkpoint{}, errs.New(errs.NotFound, "checkpoint_not_found", "there is none")
	}
	return s.saved, s.outage
}

func (s *shelter) Commit(_ context.Context, entries ...journal.Entry) error {
	if s.outage == nil {
		s.saved = *entries[0].Checkpoint
		s.curve = append(s.curve, entries[0].Equity...)
	}
	return s.outage
}

func (s *shelter) Market(string) (exchange.Market, error) { return s.market, nil }

func (s *shelter) Pairs() []string { return []string{s.market.Pair} }

func (s *shelter) Publish(context.Context, string, string, live.Update) error { return nil }

func (s *shelter) Observe(_ context.Context, _, _ string, _ int64, status bot.Status, reason string) error {
	s.told = append(s.told, string(status)+": "+reason)
	return nil
}

func (s *shelter) Guarded(_ context.Context, _, _ string, _ int64, g bot.Guard) error {
	s.told, s.guards = append(s.told, "guarded: "+g.Reason), append(s.guards, g)
	return nil
}

func (s *shelter) Unwound(context.Context, string, string, int64) error {
	s.told = append(s.told, "unwound")
	return nil
}

func (s *shelter) Tripped(_ context.Context, _, _, kind, _ string, _ time.Time) error {
	s.told = append(s.told, "tripped: "+kind)
	return nil
}

// newShelter makes a group that has nothing to do, and a live bot of ledger 3 whose run
// has come to a checkpoint with a position and open orders.
func newShelter(t *testing.T, position exchange.Steps, orders ...exchange.OrderRequest) (*shelter, *group, *member) {
	t.Helper()
	s := &shelter{
		now: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC),
		market: exchange.Market{
			Pair: "XBTMYR", Base: "XBT", Counter: "MYR", Tick: decimal.New(1, 0), Step: decimal.New(1, -4), MinVolume: 2, MaxVolume: 1_000, Status: exchange.MarketActive,
		},
	}
	keeper, err := lease.NewKeeper(lease.KeeperConfig{Holder: "worker", Now: time.Now, Store: nowhere{}})
	if err != nil {
		t.Fatal(err)
	}
	r := &Runner{groups: map[groupKey]*group{}, members: map[string]*member{}, wake: make(chan struct{}, 1), cfg: Config{
		Journal: s, Keeper: keeper, Live: s, Log: slog.New(slog.DiscardHandler), MarketNow: func() time.Time { return s.now }, Markets: s, Now: func() time.Time { return s.now }, Status: s,
	}}
	g := newGroup(r, groupKey{pair: s.market.Pair, decide: base})
	m := &member{at: g.key, lease: lease.Lease{Epoch: 1}, assignment: bot.Runnable{
		Bot:    bot.Bot{ID: "bot", TenantID: "t", Pair: s.market.Pair, Mode: bot.Live, Run: 2, Ledger: 3},
		Config: bot.Config{BotID: "bot", Mode: bot.Live, AccountID: "acc", Interval: base, Balance: decimal.NewFromInt(1_000)},
	}}
	r.members["bot"], r.groups[g.key] = m, g
	t.Cleanup(func() {
		if m.late != nil {
			m.late.Stop()
		}
	})
	terms, err := termsOf(s.market.Pair, m.assignment.Config, s)
	if err != nil {
		t.Fatal(err)
	}
	a, err := parity.NewAccount(terms, parity.AccountConfig{OrderPrefix: m.prefix(), Live: true})
	if err == nil {
		err = a.Seek(exchange.Flat(s.now.UnixMilli()-span, 100))
	}
	if err != nil {
		t.Fatal(err)
	}
	st := a.State()
	st.Engine.Portfolio.Base, st.Engine.Portfolio.Cost, st.Engine.Portfolio.Opened = position, exchange.Units(100*position), 1
	st.Remote[0].Base = position
	if err := a.Restore(st); err != nil {
		t.Fatal(err)
	}
	for _, o := range orders {
		if err := a.Commands(placing(a, o)); err != nil {
			t.Fatal(err)
		}
	}
	if a.Open() != len(orders) {
		t.Fatalf("%d orders of %d are open", a.Open(), len(orders))
	}
	raw, err := checkpointState{AccountState: a.State(), Ledger: 3, Measures: measures(a.Markets())}.encode()
	if err != nil {
		t.Fatal(err)
	}
	s.saved = journal.Checkpoint{BotID: "bot", Run: 1, State: raw}
	return s, g, m
}

// placing is the command of a limit order.
func placing(a *parity.Account, o exchange.OrderRequest) []strategy.Command {
	return []strategy.Command{{Kind: strategy.PlaceCommand, Ref: a.View().NextRef, Side: o.Side, Type: exchange.LimitOrder, Price: o.Price, Volume: o.Volume}}
}

// nowhere keeps no leases.
type nowhere struct{ lease.Store }

func (nowhere) ReleaseLeases(context.Context, lease.Holder, []lease.Lease) error { return nil }

// written is what the newest checkpoint holds.
func (s *shelter) written(t *testing.T) checkpointState {
	t.Helper()
	st, err := decodeState(s.saved.State)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// tape gives the newest checkpoint a tape.
func (s *shelter) tape(t *testing.T) {
	t.Helper()
	st := s.written(t)
	st.Tape = &tapeState{Terms: "some"}
	raw, err := st.encode()
	if err != nil {
		t.Fatal(err)
	}
	s.saved.State = raw
}

// last is what the tenant was told last.
func (s *shelter) last() string {
	if len(s.told) == 0 {
		return ""
	}
	return s.told[len(s.told)-1]
}
