package saas_test

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/luno"
	"github.com/lunobot/lunobot/exchange/luno/lunostream"
	"github.com/lunobot/lunobot/exchange/lunosim"
	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/exchange/paper"
	"github.com/lunobot/lunobot/saas"
)

// liveVenue is a simulated Luno with traders, whose clock runs faster than the wall's,
// so that a minute takes a second.
type liveVenue struct {
	t      *testing.T
	sim    *lunosim.Sim
	client *luno.Client
	live   saas.LiveMarket
	began  time.Time

	mu     sync.Mutex
	trades map[string][]exchange.Trade
	// deaf is true while nobody reaches it; pages counts the pages of candles it gave.
	deaf  bool
	pages int
}

const liveSpeed = 60

// now is the venue's time.
func (v *liveVenue) now() time.Time {
	return v.began.Add(time.Since(v.began) * liveSpeed).UTC()
}

// newLiveVenue opens one that trades both pairs and has three days behind it; change,
// if not nil, changes its markets.
func newLiveVenue(t *testing.T, seed uint64, change func([]lunosim.Market)) *liveVenue {
	t.Helper()
	v := &liveVenue{t: t, began: time.Now().Truncate(time.Minute), trades: map[string][]exchange.Trade{}}
	recorded, err := demo.New(demo.Config{Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	markets := lunosim.Markets()[:3]
	for i := range markets[:2] {
		for index := int64(-3 * 24 * 60); index < 0; index++ {
			k := recorded.Candle(markets[i].Pair, index)
			k.Time = v.began.UnixMilli() + index*time.Minute.Milliseconds()
			markets[i].History = append(markets[i].History, k)
		}
	}
	if change != nil {
		change(markets)
	}
	if v.sim, err = lunosim.New(lunosim.Config{Markets: markets, Now: v.now, Seed: seed}); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v.mu.Lock()
		deaf := v.deaf
		if strings.HasSuffix(r.URL.Path, "/candles") {
			v.pages++
		}
		v.mu.Unlock()
		if deaf {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		v.sim.ServeHTTP(w, r)
	}))
	ctx, stop := context.WithCancel(t.Context())
	var work sync.WaitGroup
	t.Cleanup(func() {
		stop()
		work.Wait()
		v.sim.Close()
		server.Close()
	})
	for _, m := range markets[:2] {
		_, _, err := v.sim.Venue().Watch(m.Pair, func(u paper.BookUpdate) {
			v.mu.Lock()
			defer v.mu.Unlock()
			for _, x := range u.Trades {
				v.trades[m.Pair] = append(v.trades[m.Pair], x.Trade)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		traders, err := v.sim.NewTraders(m.Pair)
		if err != nil {
			t.Fatal(err)
		}
		work.Go(func() { _ = traders.Run(ctx, 8*time.Millisecond) })
	}
	v.connect(server.URL, v.sim.Keys()[1])
	return v
}

// connect makes what an App reads the market with.
func (v *liveVenue) connect(address string, key lunosim.Key) {
	v.t.Helper()
	budget, err := luno.NewBudget(luno.BudgetConfig{PerMinute: 100_000, Burst: 10_000})
	if err != nil {
		v.t.Fatal(err)
	}
	v.client, err = luno.New(luno.Config{BaseURL: address, Budget: budget, KeyID: key.ID, Secret: luno.Secret(key.Secret), Now: v.now, Tries: 2})
	if err != nil {
		v.t.Fatal(err)
	}
	dialer, err := lunostream.NewDialer(lunostream.DialerConfig{BaseURL: "ws" + address[len("http"):], KeyID: key.ID, Secret: luno.Secret(key.Secret)})
	if err != nil {
		v.t.Fatal(err)
	}
	source, err := lunostream.NewSource(lunostream.SourceConfig{
		Dialer: dialer, Venue: v.client, Now: v.now, Grace: 10 * time.Millisecond, Settle: 10 * time.Millisecond, StaleAfter: time.Hour, Forget: 24 * time.Hour,
	})
	if err != nil {
		v.t.Fatal(err)
	}
	v.live = saas.LiveMarket{
		Data: func(caller string) exchange.MarketData { return v.client.Queue(caller) }, Name: "luno-simulated", Notice: "Simulated Luno", Now: v.now, Simulated: true,
		Stream: source, Tickers: v.client.Tickers, Title: "the simulated Luno",
	}
}

// cut lets nobody reach the venue, and breaks the streams, or ends that.
func (v *liveVenue) cut(yes bool) {
	v.t.Helper()
	v.mu.Lock()
	v.deaf = yes
	v.mu.Unlock()
	if yes {
		v.fault(lunosim.StreamReset, 2)
	}
}

// fault lets the market's streams misbehave some times.
func (v *liveVenue) fault(kind lunosim.FaultKind, times int) {
	v.t.Helper()
	if _, err := v.sim.AddFault(lunosim.Fault{Kind: kind, Path: "/api/1/stream", Count: times}); err != nil {
		v.t.Fatal(err)
	}
}

// candles are those of the trades of the matching engine, from one minute to another:
// flat where nothing was traded.
func (v *liveVenue) candles(pair string, from, to int64) []exchange.Candle {
	v.mu.Lock()
	trades := slices.Clone(v.trades[pair])
	v.mu.Unlock()
	minute := time.Minute.Milliseconds()
	by := map[int64]exchange.Candle{}
	for _, t := range trades {
		at := t.Time - t.Time%minute
		c, ok := by[at]
		if !ok {
			c = exchange.Flat(at, t.Price)
		}
		c.High, c.Low, c.Close, c.Volume = max(c.High, t.Price), min(c.Low, t.Price), t.Price, c.Volume+t.Volume
		by[at] = c
	}
	var out []exchange.Candle
	var last exchange.Ticks
	for _, at := range slices.Sorted(maps.Keys(by)) {
		if at < from {
			last = by[at].Close
		}
	}
	for at := from; at < to; at += minute {
		c, ok := by[at]
		if !ok {
			c = exchange.Flat(at, last)
		}
		last = c.Close
		out = append(out, c)
	}
	return out
}
