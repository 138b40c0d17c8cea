package lunosim_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/luno"
	"github.com/lunobot/lunobot/exchange/luno/lunostream"
	"github.com/lunobot/lunobot/exchange/lunosim"
)

// own returns our client of a key, with calls enough for a test.
func (b *bench) own(t *testing.T, k lunosim.Key) *luno.Client {
	t.Helper()
	budget, err := luno.NewBudget(luno.BudgetConfig{PerMinute: 60_000, Burst: 1000})
	if err != nil {
		t.Fatal(err)
	}
	c, err := luno.New(luno.Config{
		BaseURL: b.url, KeyID: k.ID, Secret: luno.Secret(k.Secret), Budget: budget,
		Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// real lets a simulator run on the machine's clock.
func real(c *lunosim.Config) { c.Now = time.Now }

// proves T2, T4 and T7 for our client: what a faulty answer leaves open is found out
// under the same client id, and no order is there twice.
func TestOwnClientAmongFaults(t *testing.T) {
	t.Parallel()
	b := setup(t, real)
	c := b.own(t, b.Keys()[0])
	b.bob.limit(t, "ASK", "400000", "1")
	for _, kind := range []lunosim.FaultKind{
		lunosim.ResetBefore, lunosim.ResetAfter, lunosim.BadGatewayBefore, lunosim.BadGatewayAfter, lunosim.GarbageAfter, lunosim.EmptyAfter,
		lunosim.HangAfter,
	} {
		b.fault(t, lunosim.Fault{Kind: kind, Path: "/api/1/postorder", Account: "trader-1", Count: 1, Delay: 10})
		r := exchange.OrderRequest{
			ClientID: "own-" + string(kind), Pair: "XBTMYR", Side: exchange.Buy, Type: exchange.LimitOrder, Price: 400_000, Volume: 1000,
		}
		_, err := c.Place(t.Context(), r)
		if exchange.OutcomeOf(err) != exchange.OutcomeUnknown {
			t.Errorf("%s: %v, want an unknown outcome", kind, err)
		}
		// The same again, as a retry would: it is placed, or is there already.
		o, err := c.Place(t.Context(), r)
		if err != nil && exchange.OutcomeOf(err) != exchange.OutcomeAccepted {
			t.Errorf("%s: again: %v", kind, err)
		}
		if o, err = c.Order(t.Context(), "XBTMYR", r.ClientID); err != nil || o.Filled != 1000 || o.Status != exchange.Complete || o.Fee != 400_000 {
			t.Errorf("%s: order %+v %v", kind, o, err)
		}
	}
	fills, err := c.Fills(t.Context(), "XBTMYR", 0, 100)
	if err != nil || len(fills) != 7 {
		t.Errorf("%d fills for 7 orders: %v", len(fills), err)
	}
	balances, err := c.Balances(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range balances {
		if x.Currency != "MYR" {
			continue
		}
		if x.Total.String() != "997197.2" { // 7 × (400 and 0.4 fee)
			t.Errorf("balance %+v", x)
		}
		entries, err := c.Entries(t.Context(), x.Account, 0, 1000)
		if err != nil || len(entries) == 0 || !entries[len(entries)-1].Balance.Equal(x.Total) {
			t.Errorf("%d entries: %v", len(entries), err)
		}
	}
}

func TestOwnClientReadsAll(t *testing.T) {
	t.Parallel()
	b := setup(t, real)
	c := b.own(t, b.Keys()[0])
	traders, err := b.NewTraders("XBTMYR")
	if err != nil {
		t.Fatal(err)
	}
	for range 300 {
		if err := traders.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	ctx := t.Context()
	ticker, err := c.Ticker(ctx, "XBTMYR")
	if err != nil || ticker.Bid <= 0 || ticker.Ask <= ticker.Bid || ticker.Status != exchange.MarketActive {
		t.Errorf("ticker %+v %v", ticker, err)
	}
	if book, err := c.OrderBook(ctx, "XBTMYR", 0); err != nil || len(book.Bids) == 0 || book.Bids[0].Price != ticker.Bid {
		t.Errorf("book %+v %v", book, err)
	}
	if trades, err := c.Trades(ctx, "XBTMYR", 0, 10); err != nil || len(trades) != 10 {
		t.Errorf("trades %+v %v", trades, err)
	}
	if fees, err := c.Fees(ctx, "XBTMYR"); err != nil || fees.Buy.Taker != 100_000 {
		t.Errorf("fees %+v %v", fees, err)
	}
	r := exchange.OrderRequest{ClientID: "rests", Pair: "XBTMYR", Side: exchange.Buy, Type: exchange.LimitOrder, Price: 300_000, Volume: 1000, PostOnly: true}
	o, err := c.Place(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	if open, err := c.OpenOrders(ctx, "XBTMYR"); err != nil || len(open) != 1 || open[0].ID != o.ID {
		t.Errorf("open orders %+v %v", open, err)
	}
	if err := c.Cancel(ctx, "XBTMYR", o.ID); err != nil {
		t.Error(err)
	}
	if o, err := c.OrderByID(ctx, "XBTMYR", o.ID); err != nil || o.Status != exchange.Complete || o.Filled != 0 {
		t.Errorf("order %+v %v", o, err)
	}
	r.ClientID, r.Price = "crosses", 100_000_000
	if _, err := c.Place(ctx, r); exchange.OutcomeOf(err) != exchange.OutcomeRejected {
		t.Errorf("post-only: %v", err)
	}
	for i, good := range []bool{true, false, false} { // to trade, to read, and one that could withdraw
		report, err := b.own(t, b.Keys()[i]).CheckKey(ctx)
		if err != nil || (report.Err() == nil) != good {
			t.Errorf("key %d: %v %v", i, report.Err(), err)
		}
	}
	if b.Moves() != 0 {
		t.Errorf("the check of keys made %d calls that move money", b.Moves())
	}
}

// proves M1 and T7: over gaps, resets, duplicates and disorder of the streams every
// trade and every own fill is told once.
func TestOwnStreamsAmongFaults(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *lunosim.Config) {
		real(c)
		c.Streams.Ping, c.Streams.Quiet = 100*time.Millisecond, 100*time.Millisecond
	})
	k := b.Keys()[0]
	c := b.own(t, k)
	dialer, err := lunostream.NewDialer(lunostream.DialerConfig{BaseURL: "ws" + b.url[len("http"):], KeyID: k.ID, Secret: luno.Secret(k.Secret)})
	if err != nil {
		t.Fatal(err)
	}
	source, err := lunostream.NewSource(lunostream.SourceConfig{Dialer: dialer, Venue: c, Settle: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	account, err := lunostream.NewAccount(lunostream.AccountConfig{
		Dialer: dialer, Markets: c, BackoffMin: time.Millisecond, BackoffMax: 10 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var told []int64
	filled := map[string]exchange.Steps{}
	connected := make(chan struct{}, 1000)
	ctx, cancel := context.WithCancel(t.Context())
	var wait sync.WaitGroup
	wait.Add(2)
	go func() {
		defer wait.Done()
		for ctx.Err() == nil {
			_ = source.Stream(ctx, "XBTMYR", func(e exchange.StreamEvent) { // it breaks again and again
				mu.Lock()
				defer mu.Unlock()
				if e.Tick != nil {
					told = append(told, e.Tick.Sequence)
				}
			})
		}
	}()
	go func() {
		defer wait.Done()
		_ = account.Keep(ctx, func(e exchange.AccountEvent) {
			if e.Connected {
				connected <- struct{}{}
			}
			if e.Order != nil && e.Order.Executed {
				mu.Lock()
				defer mu.Unlock()
				filled[e.Order.OrderID] = max(filled[e.Order.OrderID], e.Order.Filled)
			}
		})
	}()
	defer wait.Wait()
	defer cancel()
	<-connected
	until := func(what string, done func() bool) {
		t.Helper()
		for end := time.Now().Add(patience); !done(); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s never came", what)
			}
		}
	}
	streams := func(n int) func() bool {
		return func() bool {
			state, err := b.State(ctx)
			return err == nil && len(state.Streams) == n
		}
	}
	until("both streams", streams(2))
	last := int64(0)
	trade := func() string {
		b.bob.limit(t, "ASK", "400000", "0.01")
		id := b.ann.limit(t, "BID", "400000", "0.01")
		last++
		return id
	}
	heard := func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(told) > 0 && told[len(told)-1] == last
	}
	// The first trades are of a stream that may just have opened.
	trade()
	until("the first trade", heard)
	var ids []string
	for _, kind := range []lunosim.FaultKind{lunosim.StreamGap, lunosim.StreamReset, lunosim.StreamDuplicate, lunosim.StreamReorder, lunosim.StreamGarbage} {
		b.fault(t, lunosim.Fault{Kind: kind, Path: "/api/1/stream/", Count: 1})
		if kind != lunosim.StreamGap && kind != lunosim.StreamReorder { // a user stream has no numbers that would betray these
			b.fault(t, lunosim.Fault{Kind: kind, Path: "/api/1/userstream", Count: 1, Skip: 2})
		}
		for range 3 {
			ids = append(ids, trade())
		}
		until(fmt.Sprintf("trade %d after a %s", last, kind), heard)
		until("the streams", streams(2))
	}
	until("all own fills", func() bool {
		mu.Lock()
		defer mu.Unlock()
		for _, id := range ids {
			if filled[id] != 10_000 {
				return false
			}
		}
		return true
	})
	mu.Lock()
	defer mu.Unlock()
	for i, sequence := range told {
		if i > 0 && sequence != told[i-1]+1 {
			t.Errorf("trade %d was told after %d", sequence, told[i-1])
		}
	}
	if err := b.ClearFaults(); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
