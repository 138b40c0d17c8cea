package lunostream_test

import (
	"context"
	"fmt"
	"net/http/httptest"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/luno"
	"github.com/lunobot/lunobot/exchange/luno/lunostream"
	"github.com/lunobot/lunobot/exchange/lunosim"
)

// The book of a market follows what happens in it: here an order that rests at a
// simulated Luno, and one that takes half of it.
func Example() {
	sim, err := lunosim.New(lunosim.Config{Markets: lunosim.Markets(), Accounts: lunosim.DefaultAccounts(1, 2)})
	if err != nil {
		panic(err)
	}
	server := httptest.NewServer(sim)
	defer server.Close()
	defer sim.Close()
	client := func(key lunosim.Key) *luno.Client {
		c, err := luno.New(luno.Config{BaseURL: server.URL, KeyID: key.ID, Secret: luno.Secret(key.Secret)})
		if err != nil {
			panic(err)
		}
		return c
	}
	ann, ben := client(sim.Keys()[0]), client(sim.Keys()[3])

	ctx := context.Background()
	m, err := ann.Market(ctx, "XBTMYR")
	if err != nil {
		panic(err)
	}
	key := sim.Keys()[1] // one that may only look
	dialer, err := lunostream.NewDialer(lunostream.DialerConfig{
		BaseURL: "ws" + server.URL[len("http"):], KeyID: key.ID, Secret: luno.Secret(key.Secret),
	})
	if err != nil {
		panic(err)
	}
	stream, err := dialer.Market(ctx, m)
	if err != nil {
		panic(err)
	}
	defer stream.Close()

	order := exchange.OrderRequest{ClientID: "rest", Pair: m.Pair, Side: exchange.Sell, Type: exchange.LimitOrder, Price: 400_000, Volume: 2000}
	if _, err := ann.Place(ctx, order); err != nil {
		panic(err)
	}
	order.ClientID, order.Side, order.Volume = "take", exchange.Buy, 1000
	if _, err := ben.Place(ctx, order); err != nil {
		panic(err)
	}
	for range 2 {
		change, err := stream.Next()
		if err != nil {
			panic(err)
		}
		for _, t := range change.Ticks {
			fmt.Printf("somebody took %s to %s at %s\n", m.Volume(t.Volume), t.Taker, m.Price(t.Price))
		}
		fmt.Printf("%s on offer at %s\n", m.Volume(change.Top.Ask.Volume), m.Price(change.Top.Ask.Price))
	}
	// Output:
	// 0.002 on offer at 400000
	// somebody took 0.001 to buy at 400000
	// 0.001 on offer at 400000
}
