package lunosim_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/lunosim"
)

func TestTradersMakeAMarket(t *testing.T) {
	t.Parallel()
	run := func(seed uint64) (trades string, b *bench) {
		b = setup(t, func(c *lunosim.Config) { c.Seed = seed })
		traders, err := b.NewTraders("XBTMYR")
		if err != nil {
			t.Fatal(err)
		}
		for range 2_000 {
			if err := traders.Step(t.Context()); err != nil {
				t.Fatal(err)
			}
			b.clock.Advance(time.Second)
		}
		return caller{base: b.url}.send(t, http.MethodGet, "/api/1/trades", "pair=XBTMYR").body, b
	}
	first, b := run(3)
	again, _ := run(3)
	other, _ := run(4)
	if first != again || first == other {
		t.Error("a seed does not decide what is traded")
	}
	state, err := b.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m := state.Markets[0]
	last := number(t, m.Last).IntPart()
	if m.Trades < 200 || m.Orders < 20 || m.Orders > 61 || last < 300_000 || last > 500_000 || m.Bid == "0.00" || m.Ask == "0.00" {
		t.Errorf("market %+v", m)
	}
	// An account trades with them.
	id, _ := b.ann.send(t, http.MethodPost, "/api/1/marketorder", "pair=XBTMYR", "type=BUY", "counter_volume=500").json(t)["order_id"].(string)
	if o := b.ann.order(t, id); !number(t, o["base"]).IsPositive() {
		t.Errorf("order %v", o)
	}
	ctx, cancel := context.WithCancel(t.Context())
	traders, err := b.NewTraders("ETHXBT")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- traders.Run(ctx, time.Millisecond) }()
	for items(caller{base: b.url}.get(t, "/api/1/trades", "pair=ETHXBT"), "trades") == nil {
		time.Sleep(time.Millisecond)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := b.NewTraders("NOPE"); err == nil {
		t.Error("a market that is none has traders")
	}
}

// recording tells ticks as fast as they are taken.
type recording []exchange.Tick

func (r recording) Stream(ctx context.Context, _ string, sink func(exchange.StreamEvent)) error {
	for _, tick := range r {
		if ctx.Err() != nil {
			break
		}
		sink(exchange.StreamEvent{Tick: &tick})
	}
	return ctx.Err()
}

func TestMarketFollowsARecording(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	fills := b.ann.limit(t, "BID", "399500", "0.3")
	waits := b.ann.limit(t, "BID", "398000", "0.3")
	stop := b.ann.limit(t, "BID", "404000", "0.005", "stop_price=401000", "stop_direction=ABOVE")
	script := recording{{Price: 400_000, Volume: 5_000}, {Price: 399_400, Volume: 7_000, Taker: exchange.Sell}, {Price: 400_900, Volume: 2_000}, {Price: 401_500, Volume: 3_000}}
	if err := b.Follow(t.Context(), "XBTMYR", script); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]string{fills: "COMPLETE", waits: "PENDING", stop: "COMPLETE"} {
		if o := b.ann.order(t, id); o["status"] != want {
			t.Errorf("%v, want %s", o, want)
		}
	}
	var prices string
	for _, trade := range items(b.ann.get(t, "/api/1/trades", "pair=XBTMYR"), "trades") {
		prices = fmt.Sprint(trade["price"], "×", trade["volume"], " ", prices)
	}
	// The better bid goes first at its price; the stop takes what is offered.
	const want = "400000×0.005000 399500×0.300000 399400×0.007000 400900×0.002000 401500×0.003000 "
	if len(prices) < len(want) || prices[:len(want)] != want {
		t.Errorf("trades %s, want %s", prices, want)
	}
	ticker := b.ann.get(t, "/api/1/ticker", "pair=XBTMYR")
	if bid, ask := number(t, ticker["bid"]), number(t, ticker["ask"]); !bid.LessThan(ask) || bid.IntPart() < 401_000 || ask.IntPart() > 404_000 {
		t.Errorf("ticker %v", ticker)
	}
	if err := b.Follow(t.Context(), "NOPE", script); err == nil {
		t.Error("a market that is none follows")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Follow(ctx, "XBTMYR", script); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
