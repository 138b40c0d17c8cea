package luno_test

import (
	"context"
	"fmt"
	"net/http/httptest"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/luno"
	"github.com/lunobot/lunobot/exchange/lunosim"
)

// A key is checked, an order placed and read back, at a simulated Luno.
func Example() {
	sim, err := lunosim.New(lunosim.Config{Markets: lunosim.Markets()})
	if err != nil {
		panic(err)
	}
	server := httptest.NewServer(sim)
	defer server.Close()
	key := sim.Keys()[0]

	c, err := luno.New(luno.Config{BaseURL: server.URL, KeyID: key.ID, Secret: luno.Secret(key.Secret)})
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	report, err := c.CheckKey(ctx)
	if err != nil {
		panic(err)
	}
	fmt.Println("may the key be used:", report.Err() == nil)
	for _, right := range report.Untold() {
		fmt.Println("its owner has to look:", right.Name)
	}

	m, err := c.Market(ctx, "XBTMYR")
	if err != nil {
		panic(err)
	}
	price, err := m.Ticks(decimal.RequireFromString("399000"), exchange.Exact)
	if err != nil {
		panic(err)
	}
	volume, err := m.Steps(decimal.RequireFromString("0.0025"), exchange.Down)
	if err != nil {
		panic(err)
	}
	bot := c.For("bot-1")
	_, err = bot.Place(ctx, exchange.OrderRequest{
		ClientID: "home-1-1", Pair: m.Pair, Side: exchange.Buy, Type: exchange.LimitOrder, Price: price, Volume: volume,
	})
	fmt.Println("outcome of an error:", err)
	o, err := bot.Order(ctx, m.Pair, "home-1-1")
	if err != nil {
		panic(err)
	}
	fmt.Printf("a %s of %s %s at %s, %s still to be traded\n", o.Request.Side, m.Volume(o.Request.Volume), m.Base, m.Price(o.Request.Price), m.Volume(o.Remaining()))
	// Output:
	// may the key be used: true
	// its owner has to look: W_Withdrawals
	// its owner has to look: W_Send
	// outcome of an error: <nil>
	// a buy of 0.0025 XBT at 399000, 0.0025 still to be traded
}
