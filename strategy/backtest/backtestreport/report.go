package backtestreport

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/backtest/lookahead"
	"github.com/lunobot/lunobot/strategy/param"
	"github.com/lunobot/lunobot/strategy/perf"
)

// Input is what a report is made of.
type Input struct {
	// Closes are those of the candles that the run was given, for the price and
	// the comparison with holding; nil leaves both out of the charts. Of several pairs
	// the comparison needs the closes of all.
	Closes *Closes
	// Data says what reading the candles did to them; the zero value if
	// nothing.
	Data marketdata.CSVReport
	// Further are the closes of the further pairs, in their order and as a Watch keeps
	// them; one that is nil is left out of the charts, and so are all if there are none.
	Further []*Closes
	// LookAhead is what a check for knowledge of the future found; nil if there was
	// none.
	LookAhead *lookahead.Report
	// Notes are what to know of the candles before trusting the figures, in plain
	// words; they stand before the report's own warnings.
	Notes []string
	// Result is the run; required.
	Result *backtest.Result
	// Schema gives the parameters their names for people; nil leaves them as
	// they are.
	Schema *param.Schema
	// Seed, if it is not 0, has the closed trades put in other orders and drawn anew
	// (Monte-Carlo, package perf), and makes these.
	Seed uint64
	// Source says in words where the candles are from, such as a file's name.
	Source string
	// Title is the strategy's name for people. Defaults to its name.
	Title string
	// Unchecked says why the check for knowledge of the future could not be made:
	// what the strategy failed with over other prices; "" if it could.
	Unchecked string
}

// Report is a finished run with its figures. Amounts are in the counter
// currency. It is not changed by writing it.
type Report struct {
	// Title, Strategy and Version name the strategy; Params are its parameters.
	Title    string
	Strategy string
	Version  string
	Params   json.RawMessage
	// Source says where the candles are from.
	Source string
	// Market, Interval, From, To and Candles are the history.
	Market   exchange.Market
	Interval time.Duration
	From, To time.Time
	Candles  int64
	// Data says what reading the candles did to them.
	Data marketdata.CSVReport

	// LookAhead is what a check for knowledge of the future found; nil if there was
	// none.
	LookAhead *lookahead.Report

	// Initial is the cash at the start, Final the equity at the end, Profit
	// their difference and Fees what was paid, of trades that are open too.
	Initial, Final, Profit, Fees decimal.Decimal
	// Held is what buying at the first open and holding would have given, before
	// fees; of several pairs, equal shares of each (backtest.Holding).
	Held decimal.Decimal
	// Stats are the statistics; their amounts are in units.
	Stats perf.Stats
	// Orders are the trades in other orders; empty without a seed or for fewer than two.
	Orders []perf.MonteCarlo
	// Position is what was held at the end; nil without.
	Position *Position
	// Others are what was held at the end in the further pairs.
	Others []Position
	// Warnings are what a reader should know before trusting the figures, in
	// plain words.
	Warnings []string

	result *backtest.Result
	closes *Closes
	// further are the closes of the further pairs.
	further []*Closes
	schema  *param.Schema
}

// Position is what a run held at its end.
type Position struct {
	Market   exchange.Market
	OpenedAt time.Time
	Volume   decimal.Decimal
	// EntryPrice is the average, fees left out; Cost has them.
	EntryPrice, Cost decimal.Decimal
	// Value is what it is worth at the last price, Profit that less Cost.
	Value, Profit decimal.Decimal
}

// New returns the report of a run. The error says what is missing or does not
// fit together.
func New(in Input) (*Report, error) {
	res := in.Result
	if res == nil || len(res.Equity) == 0 || len(res.Segments) == 0 {
		return nil, errors.New("backtestreport: a result with an equity curve is required")
	}
	if in.Closes != nil && in.Closes.Len() != len(res.Equity) {
		return nil, fmt.Errorf("backtestreport: the closes of %d candles do not fit an equity curve of %d", in.Closes.Len(), len(res.Equity))
	}
	if len(in.Further) > 0 && len(in.Further) != len(res.Pairs) {
		return nil, fmt.Errorf("backtestreport: the closes of %d further pairs do not fit a run of %d", len(in.Further), len(res.Pairs))
	}
	if in.Title == "" {
		in.Title = oneLine(res.Strategy)
	}
	m := res.Config.Market
	stats, err := res.Stats()
	if err != nil {
		return nil, fmt.Errorf("backtestreport: %w", err)
	}
	r := &Report{
		Title: in.Title, Strategy: oneLine(res.Strategy), Version: oneLine(res.Version), Params: res.Config.Params, Source: in.Source, Market: m,
		Interval: res.Config.Interval, From: utc(res.From), To: utc(res.To), Candles: res.Candles, Data: in.Data,
		Initial: m.Amount(res.Initial()), Final: m.Amount(res.FinalEquity), Fees: m.Amount(res.Fees()),
		LookAhead: in.LookAhead, Stats: stats, result: res, closes: in.Closes, further: in.Further, schema: in.Schema,
	}
	r.Profit = r.Final.Sub(r.Initial)
	r.Held = m.Amount(res.Held())
	if in.Seed != 0 {
		if r.Orders, err = orders(res.TradeReturns(), in.Seed); err != nil {
			return nil, err
		}
	}
	if r.Position, err = positionOf(res, 0); err != nil {
		return nil, err
	}
	for leg := range res.Pairs {
		p, err := positionOf(res, int64(leg+1))
		if err != nil {
			return nil, err
		}
		if p != nil {
			r.Others = append(r.Others, *p)
		}
	}
	if l := r.LookAhead; l != nil && l.Finding != nil {
		r.Warnings = append(r.Warnings, l.Finding.Describe(m))
	}
	if in.Unchecked != "" {
		r.Warnings = append(r.Warnings, "Whether the strategy knows the future was not found out: over other prices it fails with: "+in.Unchecked)
	}
	r.Warnings = append(append(r.Warnings, in.Notes...), r.warnings()...)
	return r, nil
}

func utc(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
