package backtestreport_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/backtest/backtestreport"
)

// both buys each pair at every fiftieth candle and sells 30 candles later.
type both struct{ Seen int }

func (s *both) TradePairs(exchange.Market, []exchange.Market) error { return nil }

func (s *both) OnPair(*strategy.Bot, string, exchange.Candle) {}

func (s *both) OnCandle(b *strategy.Bot, _ exchange.Candle) {
	s.Seen++
	for _, p := range b.Pairs() {
		switch s.Seen % 50 {
		case 0:
			p.BuyWith(p.FreeCounter() / 3)
		case 30:
			p.SellAll()
		}
	}
}

// couple is the report of a run of two pairs, of which the second begins an hour later
// and has holes.
func couple(t *testing.T) (*backtestreport.Report, []exchange.Candle) {
	t.Helper()
	own := series(t)
	market, err := demo.New(demo.Config{})
	if err != nil {
		t.Fatal(err)
	}
	from := own.Candles[0].OpenTime()
	eth, err := market.Series(demo.ETHMYR, from.Add(time.Hour), from.Add(48*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	var others []exchange.Candle
	for i, c := range eth.Candles {
		if i%200 > 3 || i == 0 {
			others = append(others, c)
		}
	}
	cfg := backtest.Config{
		Market: own.Market, Interval: own.Interval, Balance: 10_000_000_000, Fees: exchange.Fees{Maker: 250_000, Taker: 250_000}, Pairs: []backtest.Pair{{Market: eth.Market}},
	}
	seen := backtestreport.NewWatch(cfg.Interval)
	def := strategy.MustDefine(strategy.Info{Name: "both", Version: "1.0.0"}, struct{}{}, func(struct{}) strategy.Strategy { return &both{} })
	result, err := backtest.Run(t.Context(), def, cfg, &backtest.Feed{
		Source: seen.Through(demo.XBTMYR, own.Source()),
		Pairs:  []backtest.PairSource{{Pair: demo.ETHMYR, Source: seen.Through(demo.ETHMYR, marketdata.NewSliceSource(others))}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := backtestreport.New(backtestreport.Input{Result: result, Closes: seen.Of(demo.XBTMYR), Further: seen.Further(cfg)})
	if err != nil {
		t.Fatal(err)
	}
	return r, others
}

// A run of several pairs has a chart of each with its own prices and trades, which a
// pointer reads, and what was done and is held in each adds up to the account.
func TestReportOfSeveralPairs(t *testing.T) { // proves PL1, T8
	t.Parallel()
	r, others := couple(t)
	p := r.Page()
	again, _ := couple(t)
	if html(t, again.Page()) != html(t, p) {
		t.Error("the same run twice is drawn to other bytes")
	}
	raw, err := json.Marshal(p)
	var back backtestreport.Page
	if err != nil || json.Unmarshal(raw, &back) != nil || !reflect.DeepEqual(back, p) {
		t.Errorf("a page that was kept is another: %v", err)
	}
	for id, title := range map[string]string{"price": demo.XBTMYR, "price-1": demo.ETHMYR} {
		i := slices.IndexFunc(p.Charts, func(c backtestreport.Chart) bool { return c.ID == id })
		if i < 0 || !strings.HasPrefix(p.Charts[i].Title, title) {
			t.Fatalf("no chart %s of %s", id, title)
		}
		for _, l := range p.Charts[i].Lines {
			if marks := strings.Count(l.D, "h0"); strings.HasPrefix(l.Class, "buy") && marks < 50 {
				t.Errorf("%s has %d marks", id, marks)
			}
		}
	}
	readings := p.Readings.Values["price-1"]
	if len(readings) != len(p.Readings.X) || readings[0] != "–" {
		t.Fatalf("%d readings of %d, the first is %q", len(readings), len(p.Readings.X), readings[0])
	}
	for i, text := range readings {
		at, err := time.Parse("2006-01-02 15:04", p.Readings.Time[i])
		if err != nil {
			t.Fatal(err)
		}
		want := "–"
		for _, c := range others {
			if !c.OpenTime().Before(at) {
				break
			}
			want = exchange.Grouped(r.Others[0].Market.Price(c.Close).StringFixed(r.Others[0].Market.PriceScale()))
		}
		if text != want {
			t.Fatalf("at %s it reads %s, want %s", at, text, want)
		}
	}
	number := func(text string) decimal.Decimal {
		d, err := decimal.NewFromString(strings.ReplaceAll(strings.ReplaceAll(text, ",", ""), "−", "-"))
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	worth, trades := decimal.Zero, decimal.Zero
	for _, a := range p.Assets {
		worth = worth.Add(number(a.Value))
		if a.Trades != "" {
			trades = trades.Add(number(a.Trades))
		}
	}
	off := worth.Sub(r.Final).Abs()
	if len(p.Assets) != 3 || p.Assets[1].Pair != demo.ETHMYR || p.Assets[2].Asset != "MYR" || off.GreaterThan(decimal.New(2, -2)) || trades.IntPart() != int64(r.TradeCount()) {
		t.Errorf("%+v are %s and %s trades, want %s and %d", p.Assets, worth, trades, r.Final, r.TradeCount())
	}
	if text := html(t, p); !strings.Contains(text, "<h2>By asset</h2>") || !strings.Contains(text, `data-chart="price-1"`) {
		t.Error("the page lacks the assets or a chart")
	}
	checkExposure(t, p, demo.XBTMYR, demo.ETHMYR)
	checkExposures(t, r)
	one := report(t, "{}")
	checkExposure(t, one.Page(), demo.XBTMYR)
	checkExposures(t, one)
	if one := report(t, "{}").Page(); one.Assets != nil || strings.Contains(html(t, one), "By asset") {
		t.Error("a run of one pair has a table of assets")
	}
}

// checkExposure looks at the chart of what was held over time: a band for each pair and
// the cash, which end at the shares of the table of assets and together are the whole.
func checkExposure(t *testing.T, p backtestreport.Page, pairs ...string) {
	t.Helper()
	i := slices.IndexFunc(p.Charts, func(c backtestreport.Chart) bool { return c.ID == "exposure" })
	if i < 0 {
		t.Fatal("there is no chart of what was held")
	}
	var classes, legend []string
	for _, l := range p.Charts[i].Lines {
		if strings.HasPrefix(l.Class, "asset-") {
			classes = append(classes, l.Class)
			if l.Class == "asset-cash" && !strings.HasPrefix(l.D, "M0.0 0.00L") {
				t.Errorf("the whole is not at the top: %.40s", l.D)
			}
		}
	}
	for _, l := range p.Charts[i].Legend {
		legend = append(legend, l.Text)
	}
	want, names := []string{"asset-1", "asset-2", "asset-cash"}, []string{"XBT", "ETH", "MYR"}
	if len(pairs) == 1 {
		want, names = []string{"asset-1", "asset-cash"}, []string{"XBT", "MYR"}
	}
	if !slices.Equal(classes, want) || !slices.Equal(legend, names) {
		t.Errorf("it draws %v of %v", classes, legend)
	}
	readings := p.Readings.Values["exposure"]
	var shares []string
	for i, a := range p.Assets {
		shares = append(shares, names[i]+" "+a.Share)
	}
	if last := readings[len(readings)-1]; len(readings) != len(p.Readings.X) || len(pairs) > 1 && last != strings.Join(shares, " · ") {
		t.Errorf("the last of %d readings is %q, want %q", len(readings), last, strings.Join(shares, " · "))
	}
	held := slices.ContainsFunc(readings, func(text string) bool { return !strings.HasPrefix(text, "XBT 0.00 %") })
	if !held || !strings.HasPrefix(readings[0], "XBT 0.00 % · ") || !strings.HasSuffix(readings[0], "MYR 100.00 %") {
		t.Errorf("it begins with %q, and more is never held", readings[0])
	}
}

// checkExposures looks at what the document says of it: from the first candle to the
// last, and what was held and the cash are the equity then.
func checkExposures(t *testing.T, r *backtestreport.Report) {
	t.Helper()
	d := r.Document()
	if n := len(d.Exposures); n < 200 || n > 501 || !d.Exposures[n-1].Time.Equal(d.Data.To) || !d.Exposures[0].Time.Equal(d.Data.From.Add(time.Minute)) {
		t.Fatalf("what was held is told at %d closes", n)
	}
	held := false
	for i, e := range d.Exposures {
		sum := e.Cash
		for _, one := range e.Held {
			sum, held = sum.Add(one.Worth), held || one.Worth.IsPositive()
		}
		if i == len(d.Exposures)-1 && !sum.Equal(r.Final) || e.Cash.IsNegative() || len(e.Held) != 1+len(d.Pairs) {
			t.Errorf("at %s there is %+v", e.Time, e)
		}
	}
	if !held {
		t.Error("nothing was ever held")
	}
}
