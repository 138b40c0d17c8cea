package marketdata_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
)

func readTrades(ctx context.Context, text string, cfg marketdata.TradesConfig) (out []exchange.Trade, rounded int, err error) {
	cfg.Market = market("0.01", "0.0001")
	r, err := marketdata.NewTradeReader(strings.NewReader(text), cfg)
	for err == nil {
		var block []exchange.Trade
		block, err = r.Next(ctx)
		out = append(out, block...)
	}
	if errors.Is(err, io.EOF) {
		return out, r.Rounded(), nil
	}
	return nil, 0, err
}

func TestTradesAreRead(t *testing.T) {
	t.Parallel()
	text := "Side,Timestamp,maker,PRICE,volume\nbuy,1700000000,x,100.5,2\n,1700000000,,100.504,0.00015\nSELL,2023-11-14T22:13:21.5Z,,99,0\n"
	got, rounded, err := readTrades(t.Context(), text, marketdata.TradesConfig{})
	pair := market("0.01", "0.0001").Pair
	want := []exchange.Trade{
		{Pair: pair, Time: 1_700_000_000_000, Price: 10_050, Volume: 20_000, Taker: exchange.Buy},
		{Pair: pair, Time: 1_700_000_000_000, Price: 10_050, Volume: 1},
		{Pair: pair, Time: 1_700_000_001_500, Price: 9_900, Taker: exchange.Sell},
	}
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) || rounded != 1 {
		t.Errorf("it reads %+v, %d rounded (%v), want %+v", got, rounded, err, want)
	}
	part, _, err := readTrades(t.Context(), text, marketdata.TradesConfig{From: time.UnixMilli(1_700_000_000_001), To: time.UnixMilli(1_700_000_001_501)})
	if err != nil || len(part) != 1 || part[0] != want[2] {
		t.Errorf("a part is %+v (%v)", part, err)
	}
	if none, _, err := readTrades(t.Context(), text, marketdata.TradesConfig{To: time.UnixMilli(5)}); err != nil || len(none) != 0 {
		t.Errorf("before the first there are %+v (%v)", none, err)
	}
}

func TestManyTradesComeInBlocks(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	text.WriteString("timestamp,price,volume\n")
	const count = marketdata.BlockSize + 10
	for i := range count {
		fmt.Fprintf(&text, "%d,1,%d\n", 1_700_000_000+i/3, i)
	}
	got, _, err := readTrades(t.Context(), text.String(), marketdata.TradesConfig{})
	if err != nil || len(got) != count || got[count-1].Volume != (count-1)*10_000 {
		t.Errorf("%d trades (%v)", len(got), err)
	}
}

func TestTradesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	const header = "timestamp,price,volume,side\n"
	for text, want := range map[string]string{
		"":                                   "line 1: the file is empty",
		"time,price\n":                       "line 1: the header lacks timestamp, volume",
		header + "1700000000,1,1,\n12x,1,1,": "line 3, column timestamp",
		header + "1700000001,1,1,\n1700000000,1,1,": "line 3, column timestamp: 1700000000 is before",
		header + "1700000000,0.001,1,":              "line 2, column price",
		header + "1700000000,NaN,1,":                "line 2, column price",
		header + "1700000000,1,-1,":                 "line 2, column volume",
		header + "1700000000,1,1,both":              `line 2, column side: "both"`,
		header + "1700000000,1":                     "line 2: wrong number of fields",
	} {
		_, _, err := readTrades(t.Context(), text, marketdata.TradesConfig{})
		var fault *marketdata.CSVError
		if !errors.As(err, &fault) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: the error is %v, want one with %q", text, err, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := readTrades(ctx, header, marketdata.TradesConfig{}); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
}
