package marketdata_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/exchange/marketdata/demo"
)

func ExampleReadCSV() {
	file := strings.NewReader(`timestamp,open,high,low,close,volume
2026-01-01T00:00:00Z,400100,400200,399900,400000,1.25
2026-01-01T00:01:00Z,400000,400001,400000,400000.4,0.5
2026-01-01T00:03:00Z,400050,400100,400000,400100,2
`)
	series, report, err := marketdata.ReadCSV(context.Background(), file, marketdata.CSVConfig{
		Market: exchange.Market{Pair: "XBTMYR", Base: "XBT", Counter: "MYR", Tick: decimal.New(1, 0), Step: decimal.New(1, -6)},
	})
	fmt.Println(len(series.Candles), series.Interval, report.Filled, report.PricesRounded, err)

	file = strings.NewReader("timestamp,open,high,low,close,volume\n1767225600,1,2,0,1,5\n")
	_, _, err = marketdata.ReadCSV(context.Background(), file, marketdata.CSVConfig{Market: series.Market})
	fmt.Println(err)
	// Output:
	// 4 1m0s 1 1 <nil>
	// reading candles: line 2, column low: 0 must be at least one tick, which is 1
}

func Example_demoMarket() {
	market, err := demo.New(demo.Config{Anchor: demo.Anchor{Wall: time.Now(), Index: 1000}})
	if err != nil {
		fmt.Println(err)
		return
	}
	candles, err := market.Candles(context.Background(), demo.XBTMYR, time.Hour, market.Time(0), 3)
	fmt.Println(len(candles), candles[0].OpenTime(), err)
	// Output: 3 2026-01-01 00:00:00 +0000 UTC <nil>
}
