package research_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/research"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/backtest/backtestreport"
)

// reportOf makes a report of a run that did nothing but have this equity.
func reportOf(t *testing.T, equity []int64) *backtestreport.Report {
	t.Helper()
	market := exchange.Market{Pair: "XBTMYR", Base: "XBT", Counter: "MYR", Tick: decimal.New(1, 0), Step: decimal.New(1, -6), Status: exchange.MarketActive}
	from := first().UnixMilli()
	r, err := backtestreport.New(backtestreport.Input{Result: &backtest.Result{
		Strategy: "cross", Version: "1.0.0", Config: backtest.Config{Market: market, Interval: time.Minute, Balance: 10_000_000_000, Params: []byte(`{"fast":10}`)},
		From: from, To: from + int64(len(equity))*60_000, Candles: int64(len(equity)), FinalEquity: exchange.Units(equity[len(equity)-1]),
		FirstPrice: 100, LastPrice: 110, Segments: []backtest.Segment{{Time: from}}, Equity: equity,
	}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestResultsArePackedExactly(t *testing.T) {
	t.Parallel()
	equity := []int64{10_000_000_000, 10_000_000_001, 9_999_999_999, 1, math.MaxInt64 / 2, 12_000_000_000}
	r := reportOf(t, equity)
	out, err := research.Pack(r, equity)
	if err != nil {
		t.Fatal(err)
	}
	got, err := research.Equity(out.Result.Equity)
	if err != nil || len(got) != len(equity) {
		t.Fatalf("%d values, %v", len(got), err)
	}
	for i := range got {
		if int64(got[i]) != equity[i] {
			t.Errorf("value %d is %d, want %d", i, got[i], equity[i])
		}
	}
	document, err := research.Document(out.Result.Document)
	if err != nil || jsonOf(t, document) != jsonOf(t, r.Document()) {
		t.Errorf("the document is %s, %v", document, err)
	}
	kept, err := research.Page(out.Result.Page)
	if err != nil || kept.Page == nil || jsonOf(t, *kept.Page) != jsonOf(t, r.Page()) || len(kept.Curve.Values) != 7 {
		t.Errorf("the page has a curve of %d, %v", len(kept.Curve.Values), err)
	}
	f := out.Figures
	if !f.Profit.Equal(decimal.NewFromInt(2000)) || f.Return != 0.2 || f.Sharpe.Defined() || math.Abs(f.HoldReturn.Float()-0.1) > 1e-12 || f.Warnings == 0 || len(out.Line) != 7 {
		t.Errorf("figures = %s, line of %d", jsonOf(t, f), len(out.Line))
	}
}

// A year of minutes takes little, and what takes too much is refused with words
// for the tenant.
func TestResultsAreBounded(t *testing.T) {
	t.Parallel()
	chance := rand.New(rand.NewPCG(1, 2))
	walk := make([]int64, 525_600)
	at := int64(10_000_000_000)
	for i := range walk {
		at += chance.Int64N(10_000_001) - 5_000_000
		walk[i] = at
	}
	out, err := research.Pack(reportOf(t, walk), walk)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("a year of minutes, every one another equity: %d bytes", out.Result.Size())
	if out.Result.Size() > research.MaxResult/3 {
		t.Errorf("a year of minutes takes %d bytes", out.Result.Size())
	}
	wild := make([]int64, research.MaxCandles)
	for i := range wild {
		wild[i] = chance.Int64N(math.MaxInt64)
	}
	_, err = research.Pack(reportOf(t, wild), wild)
	if errs.CodeOf(err) != "result_too_large" || errs.KindOf(err) != errs.Conflict {
		t.Errorf("a result without bounds: %v", err)
	}
}

func TestBrokenResults(t *testing.T) {
	t.Parallel()
	r := reportOf(t, []int64{1, 2, 3})
	out, err := research.Pack(r, []int64{1, 2, 3})
	if err != nil {
		t.Fatal(err)
	}
	for name, part := range map[string][]byte{"nothing": nil, "garbage": []byte("garbage"), "cut off": out.Result.Page[:20]} {
		if _, err := research.Equity(part); errs.CodeOf(err) != "result_broken" {
			t.Errorf("%s as equity: %v", name, err)
		}
		if _, err := research.Page(part); errs.CodeOf(err) != "result_broken" {
			t.Errorf("%s as page: %v", name, err)
		}
	}
	if _, err := research.Equity(out.Result.Document); errs.CodeOf(err) != "result_broken" {
		t.Errorf("a document as equity: %v", err)
	}
	if raw, err := research.Document(out.Result.Document); err != nil || !json.Valid(raw) {
		t.Errorf("the document: %v", err)
	}
}
