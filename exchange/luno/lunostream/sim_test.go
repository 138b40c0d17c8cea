package lunostream_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/luno"
	"github.com/lunobot/lunobot/exchange/luno/lunostream"
	"github.com/lunobot/lunobot/exchange/lunosim"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/exchange/paper"
)

// lab is a simulated Luno with its traders, the client and the dialer of one of
// its accounts, all on a clock of their own.
type lab struct {
	t       *testing.T
	sim     *lunosim.Sim
	traders *lunosim.Traders
	client  *luno.Client
	dialer  *lunostream.Dialer
	market  exchange.Market
	random  *rand.Rand
	log     *bytes.Buffer

	mu sync.Mutex
	// trades are those of the matching engine.
	trades []exchange.Trade
}

// hear keeps the trades of the matching engine.
func (l *lab) hear(u paper.BookUpdate) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, x := range u.Trades {
		l.trades = append(l.trades, x.Trade)
	}
}

// withLab runs a test with a lab.
func withLab(t *testing.T, seed uint64, test func(l *lab)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		sim, err := lunosim.New(lunosim.Config{Markets: lunosim.Markets(), Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		defer sim.Close()
		w := newWire()
		server := &http.Server{Handler: sim, ReadHeaderTimeout: time.Minute}
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = server.Serve(w)
		}()
		defer func() {
			_ = server.Close()
			<-done
		}()
		transport := &http.Transport{DialContext: w.dial}
		defer transport.CloseIdleConnections()
		key := sim.Keys()[0]
		l := &lab{t: t, sim: sim, random: rand.New(rand.NewPCG(seed, 4)), log: &bytes.Buffer{}}
		l.client, err = luno.New(luno.Config{BaseURL: "http://127.0.0.1:1", KeyID: key.ID, Secret: luno.Secret(key.Secret), Transport: transport})
		if err == nil {
			l.dialer, err = lunostream.NewDialer(lunostream.DialerConfig{
				BaseURL: "ws://127.0.0.1:1", KeyID: key.ID, Secret: luno.Secret(key.Secret), NetDial: w.dial,
			})
		}
		if err == nil {
			l.traders, err = sim.NewTraders(pair)
		}
		if err == nil {
			l.market, err = l.client.Market(t.Context(), pair)
		}
		if err != nil {
			t.Fatal(err)
		}
		_, stop, err := sim.Venue().Watch(pair, l.hear)
		if err != nil {
			t.Fatal(err)
		}
		defer stop()
		l.live(2*time.Minute, func() {})
		test(l)
		if secret := key.Secret; bytes.Contains(l.log.Bytes(), []byte(secret)) {
			t.Error("the secret is in the log")
		}
	})
}

// live lets the market live for a while, and something else happen now and then.
func (l *lab) live(length time.Duration, besides func()) {
	l.t.Helper()
	for end := time.Now().Add(length); time.Now().Before(end); {
		time.Sleep(time.Duration(l.random.IntN(1500)) * time.Millisecond)
		if err := l.traders.Step(l.t.Context()); err != nil {
			l.t.Fatal(err)
		}
		besides()
	}
}

// faults lets the streams misbehave for a while, in every way that a stream can
// get over, and besides in those that are given.
func (l *lab) faults(path string, besides ...lunosim.FaultKind) {
	l.t.Helper()
	for _, kind := range append(besides,
		lunosim.StreamDuplicate, lunosim.StreamReorder, lunosim.StreamReset, lunosim.StreamGarbage, lunosim.StreamLate, lunosim.StreamSilent) {
		if _, err := l.sim.AddFault(lunosim.Fault{Kind: kind, Path: path, Skip: 5 + l.random.IntN(60), Count: 2, Chance: 0.3, Delay: 3000}); err != nil {
			l.t.Fatal(err)
		}
	}
}

// A feed over the simulated Luno, with the client for REST, tells every trade of
// the matching engine once and each minute as Luno's own candles have it, while
// the stream misbehaves in every way that the simulator knows. // proves M1, M3, M4
func TestSourceOverTheSimulator(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		withLab(t, seed+1, func(l *lab) {
			t := l.t
			log := slog.New(slog.NewTextHandler(l.log, nil))
			source, err := lunostream.NewSource(lunostream.SourceConfig{Dialer: l.dialer, Venue: l.client, Log: log})
			if err != nil {
				t.Fatal(err)
			}
			feed, err := marketdata.NewFeed(marketdata.FeedConfig{History: l.client, Upstream: source, Log: log, Mailbox: 100_000, Rand: rand.New(rand.NewPCG(seed, 5)).Float64})
			if err != nil {
				t.Fatal(err)
			}
			begun := time.Now().UnixMilli()
			sub, err := feed.Subscribe(pair)
			if err != nil {
				t.Fatal(err)
			}
			d := &desk{t: t, done: make(chan struct{})}
			go d.listen(sub)
			for range 3 {
				l.live(90*time.Second, func() {})
				l.faults("/api/1/stream/", lunosim.StreamGap)
				l.live(90*time.Second, func() {})
			}
			if err := l.sim.ClearFaults(); err != nil {
				t.Fatal(err)
			}
			l.live(time.Minute, func() {})
			time.Sleep(3 * time.Minute)
			synctest.Wait()
			top := feedTop(t, feed)
			feed.Stop()
			<-d.done
			ticks, candles := d.ticks, d.candles
			for candles[0].Time < begun {
				candles = candles[1:]
			}
			l.mu.Lock()
			defer l.mu.Unlock()
			happened := l.trades
			for len(happened) > 0 && len(ticks) > 0 && happened[0].Sequence < ticks[0].Sequence {
				happened = happened[1:]
			}
			if len(ticks) < 100 || len(ticks) != len(happened) {
				t.Fatalf("seed %d: %d ticks, want %d\n%s", seed, len(ticks), len(happened), l.log)
			}
			for i, tick := range ticks {
				if want := happened[i]; tick.Trade(pair) != want {
					t.Fatalf("seed %d: tick %d is %+v, want %+v\n%s", seed, i, tick, want, l.log)
				}
			}
			history, err := l.client.Candles(t.Context(), pair, time.Minute, time.UnixMilli(candles[0].Time), 1000)
			if err != nil {
				t.Fatal(err)
			}
			told := map[int64]exchange.Candle{}
			for _, c := range history {
				told[c.Time] = c
			}
			for i, c := range candles {
				if i > 0 && c.Time != candles[i-1].Time+minute {
					t.Fatalf("seed %d: a candle of %d after one of %d", seed, c.Time/minute, candles[i-1].Time/minute)
				}
				if want, ok := told[c.Time]; ok && c != want || !ok && !c.IsFlat() {
					t.Fatalf("seed %d: the candle is %+v, want %+v\n%s", seed, c, want, l.log)
				}
			}
			book, err := l.client.OrderBook(t.Context(), pair, 1)
			if err != nil || len(book.Bids) == 0 || len(book.Asks) == 0 || book.Bids[0] != top.Bid || book.Asks[0] != top.Ask {
				t.Errorf("seed %d: the top is %+v, REST says %+v, %v", seed, top, book, err)
			}
		})
	}
}

func feedTop(t *testing.T, feed *marketdata.Feed) exchange.Top {
	t.Helper()
	s, ok := feed.Snapshot(pair)
	if !ok || !s.Connected {
		t.Errorf("snapshot %+v", s)
	}
	return s.Top
}

// The user stream of the simulated Luno, kept through every misbehaviour but one,
// tells of each order in the end what REST tells, and never the same twice. A
// message that is left out cannot be noticed, for they have no numbers: that is
// reconciliation's matter. // proves T7
func TestAccountOverTheSimulator(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		withLab(t, seed+1, func(l *lab) {
			t := l.t
			a, err := lunostream.NewAccount(lunostream.AccountConfig{
				Dialer: l.dialer, Markets: l.client, Log: slog.New(slog.NewTextHandler(l.log, nil)), BackoffMax: 5 * time.Second,
				Rand: rand.New(rand.NewPCG(seed, 5)).Float64,
			})
			if err != nil {
				t.Fatal(err)
			}
			var mu sync.Mutex
			var events []exchange.AccountEvent
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error)
			go func() {
				done <- a.Keep(ctx, func(e exchange.AccountEvent) {
					mu.Lock()
					defer mu.Unlock()
					events = append(events, e)
				})
			}()
			var orders []string
			trade := func() {
				if l.random.IntN(8) != 0 {
					return
				}
				if n := len(orders); n > 0 && l.random.IntN(4) == 0 {
					err := l.client.Cancel(t.Context(), pair, orders[l.random.IntN(n)])
					if err != nil && exchange.KindOf(err) != exchange.KindNotOpen {
						t.Fatal(err)
					}
					return
				}
				ticker, err := l.client.Ticker(t.Context(), pair)
				if err != nil || ticker.Last == 0 {
					return
				}
				side := exchange.Side(1 + l.random.IntN(2))
				o, err := l.client.Place(t.Context(), exchange.OrderRequest{
					ClientID: fmt.Sprintf("lab-%d", len(orders)), Pair: pair, Side: side, Type: exchange.LimitOrder,
					Price: ticker.Last + exchange.Ticks(l.random.IntN(200)-100), Volume: 10 * l.market.MinVolume,
				})
				if err != nil {
					t.Fatal(err)
				}
				orders = append(orders, o.ID)
			}
			for range 3 {
				l.live(time.Minute, trade)
				l.faults("/api/1/userstream")
				l.live(90*time.Second, trade)
			}
			if err := l.sim.ClearFaults(); err != nil {
				t.Fatal(err)
			}
			l.live(time.Minute, trade)
			time.Sleep(2 * time.Minute)
			cancel()
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			now := map[string]exchange.OrderUpdate{}
			connected := 0
			for _, e := range events {
				switch {
				case e.Connected:
					connected++
				case e.Order != nil:
					was := now[e.Order.OrderID]
					if e.Order.Executed && e.Order.Filled <= was.Filled || !e.Order.Executed && e.Order.Status <= was.Status {
						t.Fatalf("seed %d: %+v after %+v", seed, *e.Order, was)
					}
					if e.Order.Executed {
						was.Filled, was.Value, was.Fee, was.FeeBase = e.Order.Filled, e.Order.Value, e.Order.Fee, e.Order.FeeBase
					}
					was.Status = max(was.Status, e.Order.Status)
					now[e.Order.OrderID] = was
				}
			}
			traded := 0
			for _, id := range orders {
				want, err := l.client.OrderByID(t.Context(), pair, id)
				if err != nil {
					t.Fatal(err)
				}
				got := now[id]
				if got.Filled != want.Filled || got.Value != want.Value || got.Fee != want.Fee || got.FeeBase != want.FeeBase || got.Status != want.Status {
					t.Errorf("seed %d: order %s is %+v, want %+v\n%s", seed, id, got, want, l.log)
				}
				if want.Filled > 0 {
					traded++
				}
			}
			if len(orders) < 10 || traded < 3 || connected < 3 {
				t.Errorf("seed %d: %d orders, %d of them traded, %d connections", seed, len(orders), traded, connected)
			}
		})
	}
}
