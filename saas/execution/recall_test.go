package execution_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/execution"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/strategy/engine/remote"
)

// proves T2, T4: all orders are taken back, also one of which it is not known whether the
// venue has it: it is found first. Exits stay unless they are named.
func TestRecall(t *testing.T) {
	t.Parallel()
	w := sqlite(t)
	s := w.script()
	e := w.open(t)
	place(t, e, limit(1, exchange.Buy, 90, 10), journal.Open)
	exit := limit(2, exchange.Sell, 120, 10)
	exit.Request.Urgent = true
	place(t, e, exit, journal.Open)
	s.place = func(r exchange.OrderRequest) (exchange.Order, error) {
		_, err := w.mine.Place(t.Context(), r)
		if err != nil {
			t.Error(err)
		}
		return exchange.Order{}, context.DeadlineExceeded // the answer is lost
	}
	s.order = func(string) (exchange.Order, error) { return exchange.Order{}, context.DeadlineExceeded }
	place(t, e, limit(3, exchange.Buy, 91, 10), journal.Unknown)
	if left, err := e.Recall(t.Context(), "the bot failed", false); left != 1 || err == nil {
		t.Errorf("%d are left while the venue does not tell, %v", left, err)
	}
	s.order = nil
	if left, err := e.Recall(t.Context(), "the bot failed", false); left != 0 || err != nil {
		t.Errorf("%d are left, %v", left, err)
	}
	if open, err := w.mine.OpenOrders(t.Context(), pair); err != nil || len(open) != 1 || open[0].Request.Side != exchange.Sell {
		t.Errorf("at the venue %+v are open, %v", open, err)
	}
	if left, err := e.Recall(t.Context(), "left by the account before", true); left != 0 || err != nil {
		t.Errorf("%d are left, %v", left, err)
	}
	for number := range int64(3) {
		if o := w.journalled(t, number+1); o.State != journal.Cancelled {
			t.Errorf("order %d is %s", o.Number, o.State)
		}
	}
}

// proves RK2: an order that was claimed is taken back like those of the bot, also when its
// run ends, as it may trade with nobody watching what it brings.
func TestClaimedOrdersAreTakenBack(t *testing.T) {
	t.Parallel()
	w := sqlite(t)
	s := w.script()
	e := w.open(t)
	desk, err := execution.NewDesk(execution.DeskConfig{Executor: e, MarketNow: w.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	claimed := func(side exchange.Side, price exchange.Ticks) exchange.Order {
		t.Helper()
		o := w.others(t, w.mine, side, price, 10)
		check(t, e)
		w.decide(t, o.ID, journal.Claim)
		check(t, e)
		return o
	}
	claimed(exchange.Buy, 91)
	stays := w.others(t, w.mine, exchange.Buy, 92, 10) // which nobody claims
	check(t, e)
	place(t, e, limit(1, exchange.Buy, 90, 10), journal.Open)
	if n := desk.Claimed(); n != 1 {
		t.Fatalf("%d orders are claimed", n)
	}
	s.cancel = func(string) error { return context.DeadlineExceeded }
	s.byID = func(string) (exchange.Order, error) { return exchange.Order{}, context.DeadlineExceeded }
	desk.GiveBack("the bot was stopped")
	if err := desk.Work(t.Context()); err != nil {
		t.Fatal(err)
	}
	if o := w.journalled(t, -1); o.CancelAsked.IsZero() || o.State != journal.Open || o.Reason != "the bot was stopped" || desk.Claimed() != 1 {
		t.Fatalf("while the venue does not answer %d are claimed, and the order is %+v", desk.Claimed(), o)
	}
	s.cancel, s.byID = nil, nil
	w.others(t, w.other, exchange.Sell, 91, 13) // of the other buy 10, and of the claimed one 3
	check(t, e)
	if o := w.journalled(t, -1); o.State != journal.Cancelled || !o.Filled.Equal(dec("0.0003")) || desk.Claimed() != 0 {
		t.Errorf("%d are claimed, and the order is %+v", desk.Claimed(), o)
	}
	if o := w.journalled(t, 1); o.State != journal.Open || !o.CancelAsked.IsZero() {
		t.Errorf("the bot's own order is %+v", o)
	}
	claimed(exchange.Sell, 140)
	if err := desk.Work(t.Context()); err != nil || desk.Claimed() != 1 {
		t.Errorf("an order that was claimed later is taken back, %v", err)
	}
	if left, err := e.Recall(t.Context(), "the bot failed", false); left != 0 || err != nil || desk.Claimed() != 0 {
		t.Errorf("%d are left, %v", left, err)
	}
	if o, err := w.mine.OrderByID(t.Context(), pair, stays.ID); err != nil || o.Filled != 10 {
		t.Errorf("the order that nobody claimed is %+v, %v", o, err)
	}
}

// proves RK1: a bot that is to buy nothing has its claimed buys taken back, and its claimed
// sells not, unless its run ends, too.
func TestClaimedBuysAreTakenBack(t *testing.T) {
	t.Parallel()
	w := sqlite(t)
	cfg := w.config(t)
	cfg.Given = map[string]execution.Given{pair: {Base: 100, Counter: 10_000}}
	e, err := execution.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	check(t, e)
	desk, err := execution.NewDesk(execution.DeskConfig{Executor: e, MarketNow: w.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	for side, price := range map[exchange.Side]exchange.Ticks{exchange.Buy: 91, exchange.Sell: 133} {
		o := w.others(t, w.mine, side, price, 10)
		check(t, e)
		w.decide(t, o.ID, journal.Claim)
		check(t, e)
	}
	kept := map[string]bool{"sell": true}
	for _, give := range []func(){
		func() { desk.GiveBackBuys("nothing is bought") },
		func() {
			desk.GiveBack("the bot was stopped")
			desk.GiveBackBuys("nothing is bought") // which takes nothing from the wish before
			delete(kept, "sell")
		},
	} {
		give()
		if err := desk.Work(t.Context()); err != nil {
			t.Fatal(err)
		}
		for number := range int64(2) {
			o := w.journalled(t, -1-number)
			if want := map[bool]journal.OrderState{true: journal.Open, false: journal.Cancelled}[kept[o.Side]]; o.State != want {
				t.Errorf("the claimed %s is %s (%s), want %s", o.Side, o.State, o.Reason, want)
			}
		}
		if desk.ClaimedBuys() != 0 || desk.Claimed() != len(kept) {
			t.Errorf("%d buys of %d claimed orders are open", desk.ClaimedBuys(), desk.Claimed())
		}
	}
}

// proves RK3, T6: an exit sells what a claimed order holds: that is taken back first, and the
// exit waits until it is known what it traded, while other orders go on. What nobody claimed
// stays, and an exit for which enough is free takes nothing back.
func TestAnExitNeedsWhatAClaimedOrderHolds(t *testing.T) {
	t.Parallel()
	w := sqlite(t)
	s := w.script()
	cfg := w.config(t)
	cfg.Given = map[string]execution.Given{pair: {Base: 100, Counter: 10_000}}
	e, err := execution.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	check(t, e)
	var told []bool
	desk, err := execution.NewDesk(execution.DeskConfig{Executor: e, MarketNow: w.clock.Now, Waits: func(waits bool) { told = append(told, waits) }})
	if err != nil {
		t.Fatal(err)
	}
	held := w.others(t, w.mine, exchange.Sell, 133, 60)
	check(t, e)
	w.decide(t, held.ID, journal.Claim)
	check(t, e)
	wish := func(number uint64, side exchange.Side, price exchange.Ticks, volume exchange.Steps) execution.Wish {
		r := limit(int64(number), side, price, volume).Request
		r.Time = w.clock.Now().UnixMilli()
		return execution.Wish{Wish: remote.Wish{Number: number, Request: r, Exit: side == exchange.Sell}}
	}
	work := func(fails bool, wishes ...execution.Wish) {
		t.Helper()
		desk.Carry(wishes)
		if err := desk.Work(t.Context()); (err != nil) != fails {
			t.Fatalf("the wishes are carried out: %v", err)
		}
	}
	part := wish(1, exchange.Sell, 120, 40)
	work(false, part)
	if o := w.journalled(t, -1); w.journalled(t, 1).State != journal.Open || !o.CancelAsked.IsZero() {
		t.Fatalf("for 40 of the 100 the claimed order is %+v", o)
	}
	s.cancel = func(string) error { return context.DeadlineExceeded }
	s.byID = func(string) (exchange.Order, error) { return exchange.Order{}, context.DeadlineExceeded }
	rest, entry := wish(2, exchange.Sell, 121, 60), wish(3, exchange.Buy, 90, 10)
	rest.Request.Time -= (3 * time.Hour).Milliseconds() // however long it takes
	work(true, part, rest, entry)
	work(true, part, rest, entry)
	if !slices.Equal(told, []bool{true}) {
		t.Errorf("that the exit waits is told %v", told)
	}
	if o := w.journalled(t, -1); o.CancelAsked.IsZero() || w.journalled(t, 3).State != journal.Open {
		t.Errorf("while the venue does not answer the claimed order is %+v", o)
	}
	if _, err := w.store.LiveOrder(t.Context(), "t", w.botID, 2); errs.KindOf(err) != errs.NotFound {
		t.Errorf("the exit does not wait: %v", err)
	}
	s.cancel, s.byID = nil, nil
	work(false, part, rest, entry)
	if o := w.journalled(t, 2); o.State != journal.Open || w.journalled(t, -1).State != journal.Cancelled || !slices.Equal(told, []bool{true, false}) {
		t.Errorf("the exit is %s: %s; told %v", o.State, o.Reason, told)
	}
	work(false, part, rest, entry, wish(4, exchange.Sell, 122, 10)) // no claimed order holds what is missing
	if o := w.journalled(t, 4); o.State != journal.Denied {
		t.Errorf("an exit of more than there is is %s", o.State)
	}
}

// An account that began when its market had other ticks is deaf to nothing that happens to
// its own orders: what happened to those of before is only counted.
func TestNewsOfOrdersOfBefore(t *testing.T) {
	t.Parallel()
	w := sqlite(t)
	e := w.open(t)
	place(t, e, limit(1, exchange.Buy, 101, 10), journal.Open)
	w.others(t, w.other, exchange.Sell, 101, 10)
	check(t, e)
	w.market.Tick = dec("10")
	cfg := w.config(t)
	e, err := execution.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	desk, err := execution.NewDesk(execution.DeskConfig{Executor: e, MarketNow: w.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	news, err := desk.News(t.Context(), 0, func(uint64) bool { return false })
	if err != nil || len(news) < 3 {
		t.Fatalf("heard %+v, %v", news, err)
	}
	for _, n := range news {
		if n.Number != 0 || n.Fill != nil || n.End != nil {
			t.Errorf("of an order that it does not know it hears %+v", n)
		}
	}
	if _, err := desk.News(t.Context(), 0, func(number uint64) bool { return number == 1 }); err == nil {
		t.Error("a fill of an order of its own that cannot be counted is passed over")
	}
}

// paused is a way to the venue on which cancels wait for their turn for very long.
type paused struct{ exchange.Trader }

func (p paused) Cancel(ctx context.Context, _, _ string) error {
	<-ctx.Done()
	return ctx.Err()
}

// proves T10, RK3: a cancel that has no turn for minutes keeps no exit waiting; its wish is
// in the journal, and the next reconciliation asks again.
func TestACancelKeepsNoExitWaiting(t *testing.T) {
	t.Parallel()
	w := sqlite(t)
	w.trader = paused{w.mine}
	e := w.open(t)
	desk, err := execution.NewDesk(execution.DeskConfig{Executor: e, MarketNow: w.clock.Now, Patience: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	rests := remote.Wish{Number: 1, Request: limit(1, exchange.Buy, 90, 10).Request}
	rests.Request.Time = w.clock.Now().UnixMilli()
	desk.Carry([]execution.Wish{{Wish: rests}})
	if err := desk.Work(t.Context()); err != nil {
		t.Fatal(err)
	}
	rests.Asked = true
	exit := remote.Wish{Number: 2, Exit: true, Request: limit(2, exchange.Sell, 120, 10).Request}
	desk.Carry([]execution.Wish{{Wish: rests}, {Wish: exit}})
	if err := desk.Work(t.Context()); err != nil {
		t.Fatal(err)
	}
	if o := w.journalled(t, 1); o.CancelAsked.IsZero() || o.State != journal.Open {
		t.Errorf("the cancel is not in the journal: %+v", o)
	}
	if o := w.journalled(t, 2); o.State != journal.Open || !o.Urgent {
		t.Errorf("the exit is %s", o.State)
	}
}

// proves that a bot moves no more than its books have, whatever its engine believes and
// whatever else the account holds: what a claimed order has spent or sold is gone.
func TestNoMoreThanTheBooks(t *testing.T) {
	t.Parallel()
	w := sqlite(t)
	cfg := w.config(t)
	cfg.Given = map[string]execution.Given{pair: {Base: 100, Counter: 10_000}} // of the account's 10,000,000 each
	e, err := execution.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	check(t, e)
	denied := func(in execution.Intent, reason string) {
		t.Helper()
		if o := place(t, e, in, journal.Denied); !strings.Contains(o.Reason, reason) {
			t.Errorf("order %d is denied: %s", in.Number, o.Reason)
		}
	}
	exit := limit(1, exchange.Sell, 120, 101)
	exit.Request.Urgent = true
	denied(exit, "of what the bot has there are 0.01 free")
	denied(limit(2, exchange.Buy, 100, 101), "of what the bot may use there are 1 free")
	byHand := w.others(t, w.mine, exchange.Buy, 100, 40)
	check(t, e)
	if err := w.store.DecideForeign(t.Context(), "t", w.botID, pair, byHand.ID, journal.Claim, "somebody", w.clock.Now()); err != nil {
		t.Fatal(err)
	}
	check(t, e)
	denied(limit(3, exchange.Buy, 90, 70), "0.6 free") // 0.63 beside the 0.4 of the claimed one
	w.others(t, w.other, exchange.Sell, 100, 40)
	check(t, e)
	denied(limit(4, exchange.Buy, 90, 70), "0.5996 free") // which has spent it, with a fee
	place(t, e, limit(5, exchange.Buy, 90, 60), journal.Open)
	denied(limit(6, exchange.Buy, 90, 7), "0.0596 free")
	place(t, e, limit(7, exchange.Sell, 120, 100), journal.Open)
	place(t, e, limit(8, exchange.Sell, 120, 39), journal.Open)
	denied(limit(9, exchange.Sell, 120, 2), "there are 0.0001 free") // 140 with the claimed ones, less 139
}
