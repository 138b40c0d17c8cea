package backtest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/plugin"
)

// scribe writes down all that it is told and trades by it: it buys when more was
// traded at the bid than at the ask, and sells when the other pair falls.
type scribe struct {
	Params scribeParams `json:"-"`
	Log    []string
	Flow   exchange.Steps
	Other  exchange.Ticks
}

type scribeParams struct {
	Trades bool   `param:"trades" label:"Trades"`
	Pair   string `param:"pair" label:"Pair"`
}

func (s *scribe) Subscribe() strategy.Subscription {
	out := strategy.Subscription{Trades: s.Params.Trades, Book: s.Params.Trades}
	if s.Params.Pair != "" {
		out.Pairs = []string{s.Params.Pair}
	}
	return out
}

func (s *scribe) OnTrades(b *strategy.Bot, trades []exchange.Trade) {
	s.Log = append(s.Log, fmt.Sprintf("%d: %d trades from %d", b.Now().UnixMilli(), len(trades), trades[0].Time))
	for _, t := range trades {
		if t.Taker == exchange.Buy {
			s.Flow += t.Volume
		} else {
			s.Flow -= t.Volume
		}
	}
	if s.Flow > 0 && b.Position() == 0 {
		b.BuyWith(b.FreeCounter() / 2)
	}
}

func (s *scribe) OnPair(b *strategy.Bot, pair string, c exchange.Candle) {
	s.Log = append(s.Log, fmt.Sprintf("%d: %s %d", b.Now().UnixMilli(), pair, c.Time))
	if c.Close < s.Other {
		s.Flow = 0
		b.SellAll()
	}
	s.Other = c.Close
}

func (s *scribe) OnCandle(b *strategy.Bot, c exchange.Candle) {
	top, _ := b.Book()
	s.Log = append(s.Log, fmt.Sprintf("%d: candle %d, book %d/%d", b.Now().UnixMilli(), c.Time, top.Bid.Price, top.Ask.Price))
	if len(s.Log) > 1<<20 {
		panic("too much")
	}
}

func scribeDefinition() (def strategy.Definition, last func() *scribe) {
	var made *scribe
	def = strategy.MustDefine(strategy.Info{Name: "scribe", Version: "1.0.0"}, scribeParams{}, func(p scribeParams) strategy.Strategy {
		made = &scribe{Params: p}
		return made
	})
	return def, func() *scribe { return made }
}

// feedOf returns a new feed of a series, with trades of its candles and another
// pair's candles, some of which are missing.
func feedOf(s marketdata.Series) *backtest.Feed {
	var trades []exchange.Trade
	var other []exchange.Candle
	for i, c := range s.Candles {
		for n := range int64(i % 4) {
			trades = append(trades, exchange.Trade{Time: c.Time + n*20_000, Price: c.Close, Volume: 1 + c.Volume/8, Taker: exchange.Side(1 + (i/3+int(n))%2)})
		}
		if i%7 != 0 {
			c.Close += exchange.Ticks(i % 11)
			other = append(other, c)
		}
	}
	return &backtest.Feed{
		Source: s.Source(), Trades: backtest.NewTradeSlice(trades),
		Pairs: []backtest.PairSource{{Pair: "OTHER", Source: marketdata.NewSliceSource(other)}},
	}
}

// proves PL1, PL3: what comes beside the candles is told when it had happened and
// not before, and a strategy behind the wire is told the same.
func TestFeedBringsWhatIsSubscribedTo(t *testing.T) {
	t.Parallel()
	s := history(t, 10_000)
	s.Candles = append(s.Candles[:500:500], s.Candles[503:]...) // a hole
	cfg := config(t, s)
	cfg.Spread = 100_000
	cfg.Params = json.RawMessage(`{"trades":true,"pair":"OTHER"}`)
	def, last := scribeDefinition()
	want, err := backtest.Run(t.Context(), def, cfg, feedOf(s), nil)
	if err != nil {
		t.Fatal(err)
	}
	heard := last()
	if want.Trades.Len() < 50 || want.Lacks.Any() {
		t.Errorf("%d trades; it lacks %+v", want.Trades.Len(), want.Lacks)
	}
	kinds := map[string]int{}
	minute := time.Minute.Milliseconds()
	for _, line := range heard.Log {
		var now, from, count int64
		switch {
		case strings.Contains(line, "trades"):
			kinds["trades"]++
			if _, err := fmt.Sscanf(line, "%d: %d trades from %d", &now, &count, &from); err != nil || from >= now || from < now-minute {
				t.Fatalf("%q (%v)", line, err)
			}
		case strings.Contains(line, "OTHER"):
			kinds["pair"]++
			if _, err := fmt.Sscanf(line, "%d: OTHER %d", &now, &from); err != nil || from > now-minute {
				t.Fatalf("%q (%v)", line, err)
			}
		default:
			kinds["candle"]++
			if strings.HasSuffix(line, "book 0/0") {
				t.Fatalf("%q: there is no book", line)
			}
		}
	}
	if n := len(s.Candles); kinds["candle"] != n || kinds["pair"] != n-(n+6)/7 || kinds["trades"] != n-(n+3)/4 {
		t.Errorf("of %d candles it heard %v", n, kinds)
	}
	client, stop, err := plugin.Loopback(def)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	got, err := client.Backtest(t.Context(), cfg, feedOf(s), nil)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("behind the wire it comes to %d and %d trades, want %d and %d", got.FinalEquity, got.Trades.Len(), want.FinalEquity, want.Trades.Len())
	}
	if !reflect.DeepEqual(last().Log, heard.Log) {
		t.Error("behind the wire it is told something else")
	}
}

func TestFeedWithoutWhatIsSubscribedTo(t *testing.T) {
	t.Parallel()
	s := history(t, 200)
	cfg := config(t, s)
	def, _ := scribeDefinition()
	cfg.Params = json.RawMessage(`{"trades":true}`)
	if r := run(t, def, cfg, s); !r.Lacks.Trades || !r.Lacks.Book {
		t.Errorf("it says that it lacks %+v", r.Lacks)
	}
	cfg.Params = json.RawMessage(`{"pair":"NONE"}`)
	if _, err := backtest.Run(t.Context(), def, cfg, feedOf(s), nil); err == nil || !strings.Contains(err.Error(), "the candles of NONE") {
		t.Errorf("the error is %v", err)
	}
	back := feedOf(s)
	back.Trades = backtest.NewTradeSlice([]exchange.Trade{{Time: s.Candles[5].Time}, {Time: s.Candles[4].Time}})
	cfg.Params = json.RawMessage(`{"trades":true}`)
	if _, err := backtest.Run(t.Context(), def, cfg, back, nil); err == nil || !strings.Contains(err.Error(), "comes after") {
		t.Errorf("the error is %v", err)
	}
	broken := feedOf(s)
	broken.Trades = brokenTrades{}
	client, stop, err := plugin.Loopback(def)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	if _, err := client.Backtest(t.Context(), cfg, broken, nil); !errors.Is(err, errBroken) {
		t.Errorf("the error is %v", err)
	}
}

var errBroken = errors.New("the file is broken")

type brokenTrades struct{}

func (brokenTrades) Next(context.Context) ([]exchange.Trade, error) { return nil, errBroken }
