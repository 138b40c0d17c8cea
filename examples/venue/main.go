// Program venue shows a second venue at work: quote, which knows only the
// interfaces of package exchange, trades on the exchange of package corner as it
// would on any other.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/examples/venue/corner"
	"github.com/lunobot/lunobot/exchange"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	market := exchange.Market{
		Pair: "TEAMYR", Base: "TEA", Counter: "MYR", Tick: decimal.New(1, -2), Step: decimal.New(1, -3), Status: exchange.MarketActive, MinVolume: 10,
	}
	venue, err := corner.New(market, 100_000, time.Now)
	if err != nil {
		return err
	}
	maker, guest := venue.Open(100_000, 1_000_000_000), venue.Open(0, 1_000_000_000)
	if err := quote(ctx, maker, market, 2000); err != nil {
		return err
	}
	// The guest wants 2 TEA and pays up to 20.50, but there is less than that on offer.
	r := exchange.OrderRequest{ClientID: "guest-1", Pair: market.Pair, Side: exchange.Buy, Type: exchange.LimitOrder, Price: 2050, Volume: 2000, TimeInForce: exchange.IOC}
	order, err := guest.Place(ctx, r)
	if err != nil {
		return err
	}
	fmt.Printf("the guest's order %s: %s of %s TEA for %s MYR, fee %s\n", order.ID, market.Volume(order.Filled), market.Volume(r.Volume), market.Amount(order.Value), market.Amount(order.Fee))
	ticker, err := venue.Ticker(ctx, market.Pair)
	if err != nil {
		return err
	}
	fmt.Printf("%s: bid %s, ask %d, last %s\n", ticker.Pair, market.Price(ticker.Bid), ticker.Ask, market.Price(ticker.Last))
	return nil
}

// quote offers both sides around a price, on any venue. To send a request again
// under its client id is safe: that it is there already is no error.
func quote(ctx context.Context, trader exchange.Trader, market exchange.Market, around exchange.Ticks) error {
	for _, side := range []exchange.Side{exchange.Buy, exchange.Sell} {
		r := exchange.OrderRequest{ClientID: "quote-" + side.String(), Pair: market.Pair, Side: side, Type: exchange.LimitOrder, Price: around - 10, Volume: 1500, PostOnly: true}
		if side == exchange.Sell {
			r.Price = around + 10
		}
		var problem *exchange.Error
		for range 2 {
			if _, err := trader.Place(ctx, r); err != nil && !(errors.As(err, &problem) && problem.Outcome == exchange.OutcomeAccepted) {
				return err
			}
		}
		fmt.Printf("the maker quotes a %s of %s at %s\n", side, market.Volume(r.Volume), market.Price(r.Price))
	}
	return nil
}
