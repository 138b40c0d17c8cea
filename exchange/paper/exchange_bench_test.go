package paper_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/paper"
)

// BenchmarkOrders reports orders a second over books of different depth: half
// of the orders rest and are cancelled, half trade.
func BenchmarkOrders(b *testing.B) {
	for _, levels := range []int{10, 1_000, 100_000} {
		b.Run(fmt.Sprintf("levels-%d", levels), func(b *testing.B) {
			m := exchange.Market{
				Pair: "XBTMYR", Base: "XBT", Counter: "MYR", Status: exchange.MarketActive,
				Tick: decimal.New(1, -2), Step: decimal.New(1, -6),
			}
			e, err := paper.NewExchange(paper.ExchangeConfig{
				Markets: []exchange.Market{m}, Fees: exchange.Fees{Maker: 100_000, Taker: 250_000},
				Now: func() time.Time { return time.UnixMilli(1) },
			})
			if err != nil {
				b.Fatal(err)
			}
			members := make([]*paper.Member, 2)
			for i := range members {
				if members[i], err = e.Join(fmt.Sprint(i)); err != nil {
					b.Fatal(err)
				}
				for _, currency := range []string{"XBT", "MYR"} {
					if err := members[i].Deposit(currency, decimal.NewFromInt(30_000_000_000)); err != nil {
						b.Fatal(err)
					}
				}
			}
			send := func(member int, side exchange.Side, price exchange.Ticks, volume exchange.Steps) exchange.Order {
				o, err := members[member].Place(b.Context(), exchange.OrderRequest{
					Pair: m.Pair, Side: side, Type: exchange.LimitOrder, Price: price, Volume: volume,
				})
				if err != nil {
					b.Fatal(err)
				}
				return o
			}
			const middle = 40_000_000
			for i := range levels {
				send(0, exchange.Sell, middle+exchange.Ticks(i*7919%levels)+1, 1_000)
				send(1, exchange.Buy, middle-exchange.Ticks(i*7919%levels)-1, 1_000)
			}
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				switch price := middle + exchange.Ticks(i*7919%levels); i % 4 {
				case 0:
					send(0, exchange.Sell, middle+1, 10)
				case 1:
					send(1, exchange.Buy, middle+1, 10)
				case 2:
					send(1, exchange.Buy, 2*middle-price-1, 10)
				case 3:
					o := send(0, exchange.Sell, price+levelsAway, 10)
					if err := members[0].Cancel(b.Context(), m.Pair, o.ID); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "orders/s")
		})
	}
}

// levelsAway puts an order at a price of its own.
const levelsAway = 200_000
