package saas_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/billing"
	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata/archive"
	"github.com/lunobot/lunobot/saas"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/research"
	"github.com/lunobot/lunobot/strategy/backtest/backtestreport"
)

const (
	storedDays = 400
	day        = 24 * time.Hour
)

func storedFrom() time.Time { return time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC) }

// store keeps candles in an App's store as `lunobot history` does: 400 days of
// quarters of an hour, of which six hours of the third day and one candle are
// missing.
func (r *researcher) store() {
	r.t.Helper()
	must := func(err error) {
		r.t.Helper()
		if err != nil {
			r.t.Fatal(err)
		}
	}
	a, err := archive.Open(archive.Config{Folder: filepath.Join(r.app.DataDir(), archive.FolderName)})
	must(err)
	m := exchange.Market{Pair: "BTCUSD", Base: "BTC", Counter: "USD", Tick: decimal.New(1, -2), Step: decimal.New(1, -6), Status: exchange.MarketActive}
	w, err := a.Writer(r.t.Context(), archive.WriterConfig{Interval: 15 * time.Minute, Market: m, Origin: "btcusd.csv"})
	must(err)
	var candles []exchange.Candle
	price := exchange.Ticks(700_000)
	for i := range storedDays * 96 {
		c := exchange.Candle{Time: storedFrom().Add(time.Duration(i) * 15 * time.Minute).UnixMilli(), Open: price, Volume: 1_000_000}
		c.Close = price + exchange.Ticks((i*7919)%2003-1000+(i/300%2*2-1)*40)
		c.High, c.Low = max(c.Open, c.Close)+50, min(c.Open, c.Close)-50
		price = max(c.Close, 10_000)
		if (i < 192 || i >= 192+24) && i != 1_000 {
			candles = append(candles, c)
		}
	}
	must(w.Add(r.t.Context(), candles))
	must(w.Commit(r.t.Context()))
	must(w.Close())
}

// Backtests of all kinds run over what the operator keeps in the store, with its
// own market and holes that are told; the store's folder need not be there.
func TestStoredHistory(t *testing.T) {
	t.Parallel()
	r := newResearcher(t, "", "basic")
	ctx := t.Context()
	in := research.CreateInput{
		Source: research.FromStore, Pair: "BTCUSD", Strategy: "basic", Interval: time.Hour, From: storedFrom().Add(day), To: storedFrom().Add(31 * day),
	}
	want := func(in research.CreateInput, kind errs.Kind, text string) {
		t.Helper()
		_, err := r.app.Backtests().Create(ctx, r.who, in)
		if errs.KindOf(err) != kind || !strings.Contains(err.Error(), text) {
			t.Errorf("the error is %v, want %s", err, text)
		}
	}
	if all, err := r.app.Backtests().Offers(ctx, r.who); err != nil || slices.ContainsFunc(all, func(o research.Offer) bool { return o.Source == research.FromStore }) {
		t.Fatalf("without a store there is %+v, %v", all, err)
	}
	want(in, errs.Invalid, "trading_pair ")
	r.store()
	o, err := r.app.Backtests().Offer(ctx, r.who, research.Ref{Source: research.FromStore, Pair: "BTCUSD"})
	if err != nil || o.Recorded != 15*time.Minute || !o.From.Equal(storedFrom()) || !o.To.Equal(storedFrom().Add(storedDays*day)) || o.Missing != 25 || o.Gaps != 2 ||
		o.Market.Counter != "USD" || o.Origin != "store: btcusd.csv" {
		t.Fatalf("the offer is %+v, %v", o, err)
	}
	third := storedFrom().Add(2 * day)
	if len(o.Holes) != 2 || !o.Holes[0].From.Equal(third) || !o.Holes[0].To.Equal(third.Add(6*time.Hour)) || o.Holes[1].To.Sub(o.Holes[1].From) != 15*time.Minute {
		t.Errorf("the holes are %+v", o.Holes)
	}
	if _, err := r.app.Backtests().Offer(ctx, r.who, research.Ref{Source: research.FromStore, Pair: "BTCUSD", Recorded: time.Hour}); errs.CodeOf(err) != "history_not_found" ||
		!strings.Contains(err.Error(), "in candles of 15m") {
		t.Errorf("hours: %v", err)
	}
	wrong := in
	wrong.Interval = time.Minute
	want(wrong, errs.Invalid, "interval must be a whole number of the recorded candles, which are of 15m")
	wrong = in
	wrong.To = storedFrom().Add(401 * day)
	want(wrong, errs.Invalid, "to must")
	// A year of data is what the plan has, wherever it is from (rule E6).
	wrong.To = storedFrom().Add(388 * day)
	want(wrong, errs.LimitExceeded, "366 days of data in a backtest and you asked for 387")

	if err := r.app.Start(ctx); err != nil {
		t.Fatal(err)
	}
	run := r.await(r.createAs(in), research.Done)
	if run.Source != research.FromStore || run.Recorded != 15*time.Minute || run.Market.Pair != "BTCUSD" || run.Total != 30*96 || run.Figures.Counter != "USD" || run.Figures.Trades == 0 {
		t.Errorf("it is done as %+v with %+v", run.Request, run.Figures)
	}
	var d backtestreport.Document
	raw, err := r.app.Backtests().Result(ctx, r.who, run.ID, research.PartDocument)
	if err == nil {
		raw, err = research.Document(raw)
	}
	if err != nil || json.Unmarshal(raw, &d) != nil || d.Data.Candles != 30*96 || !d.Data.From.Equal(in.From) ||
		!slices.ContainsFunc(d.Warnings, func(s string) bool { return strings.Contains(s, "25 candles are missing from the data") }) ||
		!slices.ContainsFunc(d.Warnings, func(s string) bool { return strings.Contains(s, "The history has no minutes") }) {
		t.Errorf("the report's data are %+v and its warnings %q, %v", d.Data, d.Warnings, err)
	}
	if _, err := r.app.Billing().ChangePlan(ctx, r.who.TenantID, billing.ChangePlanInput{Plan: "premium", Actor: "test"}); err != nil {
		t.Fatal(err)
	}
	in.Kind, in.Search = research.WalkForward, &research.Search{Ranges: []string{"fast=5:15:5"}, Measure: "equity"}
	if walk := r.await(r.createAs(in), research.Done); walk.Done != 18 || walk.Figures.Counter != "USD" {
		t.Errorf("the walk is done as %+v", walk.Figures)
	}
	// What is taken out of the store fails a run that waits for it, with a sentence.
	if err := os.RemoveAll(filepath.Join(r.app.DataDir(), archive.FolderName, "BTCUSD")); err != nil {
		t.Fatal(err)
	}
	in.Kind, in.Search = research.Backtest, nil
	want(in, errs.Invalid, "trading_pair ")
}

// createAs makes a run of any history.
func (r *researcher) createAs(in research.CreateInput) research.Run {
	r.t.Helper()
	run, err := r.app.Backtests().Create(r.t.Context(), r.who, in)
	if err != nil {
		r.t.Fatal(err)
	}
	return run
}

// A store's folder that is none stops the start, and the error says which setting
// it is.
func TestAStoreThatIsNoFolder(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	app, err := saas.New(t.Context(), saas.Config{DataDir: t.TempDir(), HistoryDir: file, Strategies: oddBundle()})
	if err == nil {
		app.Stop()
	}
	if err == nil || !strings.Contains(err.Error(), "LUNOBOT_HISTORY_DIR") {
		t.Errorf("the error is %v", err)
	}
}
