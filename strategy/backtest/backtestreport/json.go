package backtestreport

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy/perf"
)

// document is the JSON of a report, without the equity curve, which is written
// after it point by point.
type document struct {
	Strategy   documentStrategy   `json:"strategy"`
	Market     documentMarket     `json:"market"`
	Config     documentConfig     `json:"config"`
	Data       documentData       `json:"data"`
	Statistics documentStatistics `json:"statistics"`
	Warnings   []string           `json:"warnings"`
	Position   *documentPosition  `json:"open_position"`
	Trades     []documentTrade    `json:"trades"`
}

type documentStrategy struct {
	Name       string          `json:"name"`
	Version    string          `json:"version"`
	Parameters json.RawMessage `json:"parameters"`
}

type documentMarket struct {
	Pair    string          `json:"pair"`
	Base    string          `json:"base"`
	Counter string          `json:"counter"`
	Tick    decimal.Decimal `json:"tick"`
	Step    decimal.Decimal `json:"step"`
}

type documentConfig struct {
	Balance  decimal.Decimal `json:"balance"`
	MakerFee decimal.Decimal `json:"maker_fee"`
	TakerFee decimal.Decimal `json:"taker_fee"`
	Slippage decimal.Decimal `json:"slippage"`
	Spread   decimal.Decimal `json:"spread"`
	Range    decimal.Decimal `json:"range"`
	Impact   decimal.Decimal `json:"impact"`
	MaxShare decimal.Decimal `json:"max_share"`
	Latency  string          `json:"latency"`
	Interval string          `json:"interval"`
	Decide   string          `json:"decide"`
}

type documentData struct {
	Source         string    `json:"source"`
	From           time.Time `json:"from"`
	To             time.Time `json:"to"`
	Candles        int64     `json:"candles"`
	Filled         int       `json:"filled"`
	PricesRounded  int       `json:"prices_rounded"`
	VolumesRounded int       `json:"volumes_rounded"`
}

type documentStatistics struct {
	InitialEquity decimal.Decimal `json:"initial_equity"`
	FinalEquity   decimal.Decimal `json:"final_equity"`
	Profit        decimal.Decimal `json:"profit"`
	Fees          decimal.Decimal `json:"fees"`
	HeldEquity    decimal.Decimal `json:"buy_and_hold_equity"`

	TotalReturn perf.Number `json:"total_return"`
	BuyAndHold  perf.Number `json:"buy_and_hold"`
	Excess      perf.Number `json:"excess"`
	CAGR        perf.Number `json:"cagr"`
	Volatility  perf.Number `json:"volatility"`
	Sharpe      perf.Number `json:"sharpe"`
	Sortino     perf.Number `json:"sortino"`
	Calmar      perf.Number `json:"calmar"`
	Exposure    perf.Number `json:"exposure"`
	UnderWater  perf.Number `json:"under_water"`

	MaxDrawdown            *documentDrawdown `json:"max_drawdown"`
	LongestDrawdownSeconds int64             `json:"longest_drawdown_seconds"`

	Trades         int             `json:"trades"`
	Won            int             `json:"won"`
	Lost           int             `json:"lost"`
	WinRate        perf.Number     `json:"win_rate"`
	ProfitFactor   perf.Number     `json:"profit_factor"`
	AverageSeconds perf.Number     `json:"average_trade_seconds"`
	LargestWin     decimal.Decimal `json:"largest_win"`
	LargestLoss    decimal.Decimal `json:"largest_loss"`
	LongestLosing  int             `json:"longest_losing_streak"`

	Months []documentMonth `json:"months"`
}

type documentDrawdown struct {
	Depth    float64         `json:"depth"`
	Amount   decimal.Decimal `json:"amount"`
	Peak     time.Time       `json:"peak"`
	Trough   time.Time       `json:"trough"`
	Recovery *time.Time      `json:"recovery"`
}

type documentMonth struct {
	Month  string      `json:"month"`
	Return perf.Number `json:"return"`
}

type documentPosition struct {
	OpenedAt   time.Time       `json:"opened_at"`
	Volume     decimal.Decimal `json:"volume"`
	EntryPrice decimal.Decimal `json:"entry_price"`
	Cost       decimal.Decimal `json:"cost"`
	Value      decimal.Decimal `json:"value"`
	Profit     decimal.Decimal `json:"profit"`
}

type documentTrade struct {
	EntryTime  time.Time       `json:"entry_time"`
	ExitTime   time.Time       `json:"exit_time"`
	EntryPrice decimal.Decimal `json:"entry_price"`
	ExitPrice  decimal.Decimal `json:"exit_price"`
	Volume     decimal.Decimal `json:"volume"`
	EntryFee   decimal.Decimal `json:"entry_fee"`
	ExitFee    decimal.Decimal `json:"exit_fee"`
	Fees       decimal.Decimal `json:"fees"`
	Profit     decimal.Decimal `json:"profit"`
}

// WriteJSON writes the report with every trade and the whole equity curve: one
// point for each candle's close, after one for the start.
func (r *Report) WriteJSON(w io.Writer) error {
	head, err := json.MarshalIndent(r.document(), "", "  ")
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	out := bufio.NewWriterSize(w, 1<<16)
	out.Write(bytes.TrimSuffix(head, []byte("\n}"))) //nolint:errcheck,gosec // Flush tells
	out.WriteString(",\n  \"equity\": [\n")          //nolint:errcheck,gosec // Flush tells
	point := func(end string, ms int64, equity string) {
		line := append(out.AvailableBuffer(), `    {"time":"`...)
		line = utc(ms).AppendFormat(line, time.RFC3339Nano)
		line = append(append(append(line, `","equity":"`...), equity...), `"}`...)
		out.Write(append(line, end...)) //nolint:errcheck,gosec // Flush tells
	}
	res := r.result
	point(",\n", res.From, r.Initial.String())
	last, text := int64(-1), ""
	for i, e := range res.Equity {
		if e != last {
			last, text = e, r.Market.Amount(exchange.Units(e)).String()
		}
		end := ",\n"
		if i == len(res.Equity)-1 {
			end = "\n  ]\n}\n"
		}
		point(end, r.closeTime(i), text)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

func (r *Report) document() document {
	cfg := r.result.Config
	d := document{
		Strategy: documentStrategy{Name: r.Strategy, Version: r.Version, Parameters: r.Params},
		Market:   documentMarket{Pair: r.Market.Pair, Base: r.Market.Base, Counter: r.Market.Counter, Tick: r.Market.Tick, Step: r.Market.Step},
		Config: documentConfig{
			Balance: r.Initial, MakerFee: cfg.Fees.Maker.Decimal(), TakerFee: cfg.Fees.Taker.Decimal(), Slippage: cfg.Slippage.Decimal(),
			Spread: cfg.Spread.Decimal(), Range: cfg.Range.Decimal(), Impact: cfg.Impact.Decimal(), MaxShare: cfg.MaxShare.Decimal(),
			Latency: cfg.Latency.String(), Interval: cfg.Interval.String(), Decide: cmp.Or(cfg.Decide, cfg.Interval).String(),
		},
		Data: documentData{
			Source: r.Source, From: r.From, To: r.To, Candles: r.Candles, Filled: r.Data.Filled,
			PricesRounded: r.Data.PricesRounded, VolumesRounded: r.Data.VolumesRounded,
		},
		Statistics: r.documentStatistics(),
		Warnings:   append([]string{}, r.Warnings...),
		Trades:     make([]documentTrade, 0, len(r.Trades)),
	}
	if len(d.Strategy.Parameters) == 0 {
		d.Strategy.Parameters = json.RawMessage("{}")
	}
	if p := r.Position; p != nil {
		d.Position = &documentPosition{
			OpenedAt: p.OpenedAt, Volume: p.Volume, EntryPrice: p.EntryPrice, Cost: p.Cost, Value: p.Value, Profit: p.Profit,
		}
	}
	for _, t := range r.Trades {
		d.Trades = append(d.Trades, documentTrade{
			EntryTime: t.EntryTime, ExitTime: t.ExitTime, EntryPrice: t.EntryPrice, ExitPrice: t.ExitPrice, Volume: t.Volume,
			EntryFee: t.EntryFee, ExitFee: t.ExitFee, Fees: t.Fees(), Profit: t.Profit,
		})
	}
	return d
}

func (r *Report) documentStatistics() documentStatistics {
	s := r.Stats
	units := func(n int64) decimal.Decimal { return r.Market.Amount(exchange.Units(n)) }
	d := documentStatistics{
		InitialEquity: r.Initial, FinalEquity: r.Final, Profit: r.Profit, Fees: r.Fees, HeldEquity: r.Held,
		TotalReturn: s.TotalReturn, BuyAndHold: s.BuyAndHold, Excess: s.Excess, CAGR: s.CAGR, Volatility: s.Volatility,
		Sharpe: s.Sharpe, Sortino: s.Sortino, Calmar: s.Calmar, Exposure: s.Exposure, UnderWater: s.UnderWater,
		LongestDrawdownSeconds: s.LongestDrawdownSeconds, Trades: s.Trades.Count, Won: s.Trades.Won, Lost: s.Trades.Lost,
		WinRate: s.Trades.WinRate, ProfitFactor: s.Trades.ProfitFactor, AverageSeconds: s.Trades.AverageSeconds,
		LargestWin: units(s.Trades.LargestWin), LargestLoss: units(s.Trades.LargestLoss), LongestLosing: s.Trades.LongestLosing,
		Months: make([]documentMonth, 0, len(s.Months)),
	}
	if v := s.MaxDrawdown; v != nil {
		d.MaxDrawdown = &documentDrawdown{Depth: v.Depth, Amount: units(v.Amount), Peak: v.Peak, Trough: v.Trough, Recovery: v.Recovery}
	}
	for _, m := range s.Months {
		d.Months = append(d.Months, documentMonth{Month: fmt.Sprintf("%04d-%02d", m.Year, int(m.Month)), Return: m.Return})
	}
	return d
}
