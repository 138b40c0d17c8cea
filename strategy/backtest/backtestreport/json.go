package backtestreport

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/perf"
	"github.com/lunobot/lunobot/strategy/portfolio"
)

// Document is the JSON of a report. Its doc tags describe the fields to those
// who describe the type.
type Document struct {
	Strategy   documentStrategy   `json:"strategy" doc:"What traded."`
	Market     documentMarket     `json:"market" doc:"What was traded."`
	Pairs      []documentPair     `json:"further_pairs,omitempty" doc:"What was traded beside it with the same balance."`
	Config     documentConfig     `json:"config" doc:"The conditions of the run."`
	Data       documentData       `json:"data" doc:"The history."`
	LookAhead  *documentLookAhead `json:"look_ahead,omitempty" doc:"The check for knowledge of the future; left out if there was none."`
	Statistics documentStatistics `json:"statistics" doc:"The figures."`
	Warnings   []string           `json:"warnings" doc:"What to know before trusting the figures."`
	Position   *documentPosition  `json:"open_position" doc:"What was held at the end; null if nothing."`
	Others     []documentPosition `json:"further_open_positions,omitempty" doc:"What was held at the end in the further pairs."`
	Orders     []documentOrders   `json:"trade_orders,omitempty" doc:"The trades in other orders; left out for fewer than two."`
	Exposures  []documentExposure `json:"exposures,omitempty" doc:"What the account held over time, at closes of candles in which was traded, equally many apart, and at the last."`
	Trades     []documentTrade    `json:"trades" doc:"The closed trades in the order of their closing."`
	// Equity is left to who writes the document: it may be long.
	Equity []documentEquity `json:"equity,omitempty" doc:"The equity at the start and at closes of candles."`
}

type documentEquity struct {
	Time   time.Time       `json:"time" doc:"When." example:"2025-01-01T00:00:00Z"`
	Equity decimal.Decimal `json:"equity" doc:"What the account was worth."`
}

// documentExposure is what the account held at a time.
type documentExposure struct {
	Time time.Time       `json:"time" doc:"When." example:"2025-01-01T00:00:00Z"`
	Held []documentWorth `json:"held" doc:"What was held in each pair."`
	Cash decimal.Decimal `json:"cash" doc:"The rest of the equity."`
}

// documentWorth is what was held in a pair.
type documentWorth struct {
	Pair  string          `json:"pair" doc:"The market's symbol." example:"XBTMYR"`
	Worth decimal.Decimal `json:"worth" doc:"What it was worth at the pair's newest close, in the counter currency."`
}

type documentStrategy struct {
	Name       string          `json:"name" doc:"The strategy's name." example:"basic"`
	Version    string          `json:"version" doc:"The version that ran." example:"1.1.0"`
	Parameters json.RawMessage `json:"parameters" doc:"Its parameters, complete."`
}

type documentMarket struct {
	Pair    string          `json:"pair" doc:"The market's symbol." example:"XBTMYR"`
	Base    string          `json:"base" doc:"The currency that is bought and sold." example:"XBT"`
	Counter string          `json:"counter" doc:"The currency that it is paid in." example:"MYR"`
	Tick    decimal.Decimal `json:"tick" doc:"The least step of a price."`
	Step    decimal.Decimal `json:"step" doc:"The least step of a volume."`
}

// documentPair is a further pair of a run.
type documentPair struct {
	documentMarket
	Holding     decimal.Decimal `json:"holding" doc:"What was held of the base currency to begin with, valued at the first open." example:"0"`
	MaxPosition decimal.Decimal `json:"max_position" doc:"The largest position; 0 is no bound." example:"0"`
}

type documentTier struct {
	Volume   decimal.Decimal `json:"volume" doc:"The least value traded, in the counter currency." example:"100000"`
	MakerFee decimal.Decimal `json:"maker_fee" doc:"Fee of resting orders, as a fraction." example:"0.001"`
	TakerFee decimal.Decimal `json:"taker_fee" doc:"Fee of orders that trade at once, as a fraction." example:"0.0015"`
}

type documentConfig struct {
	Balance  decimal.Decimal `json:"balance" doc:"Cash to begin with."`
	Holding  decimal.Decimal `json:"holding" doc:"What was held of the base currency to begin with, valued at the first open."`
	MakerFee decimal.Decimal `json:"maker_fee" doc:"Fee of resting orders, as a fraction." example:"0.0025"`
	TakerFee decimal.Decimal `json:"taker_fee" doc:"Fee of orders that trade at once, as a fraction." example:"0.0025"`
	FeeTiers []documentTier  `json:"fee_tiers,omitempty" doc:"The fees from a value on that was traded in the 30 days before the present one."`
	Slippage decimal.Decimal `json:"slippage" doc:"By how much orders that take from the book trade worse, as a fraction." example:"0.0005"`
	Spread   decimal.Decimal `json:"spread" doc:"Distance of bid and ask, as a fraction." example:"0"`
	Range    decimal.Decimal `json:"range" doc:"Share of a candle's range by which orders that take from the book trade worse." example:"0"`
	Impact   decimal.Decimal `json:"impact" doc:"By how much an order of a candle's whole volume moves the price." example:"0"`
	MaxShare decimal.Decimal `json:"max_share" doc:"Share of a candle's volume that an order may take; 0 is all." example:"0"`
	Latency  string          `json:"latency" doc:"How long an order takes to the exchange." example:"0s"`
	Interval string          `json:"interval" doc:"Length of a candle." example:"1m0s"`
	Decide   string          `json:"decide" doc:"Length of the candles that the strategy hears." example:"1m0s"`
	// The bounds of the run's own pair hold for the further ones too, but for the
	// largest position.
	MaxPosition decimal.Decimal `json:"max_position" doc:"The largest position; 0 is no bound." example:"0"`
	StopLoss    decimal.Decimal `json:"stop_loss" doc:"How far below its average price a position is closed, as a fraction; 0 is never." example:"0"`
	TakeProfit  decimal.Decimal `json:"take_profit" doc:"How far above its average price a position is closed, as a fraction; 0 is never." example:"0"`

	TrailingStop decimal.Decimal `json:"trailing_stop" doc:"How far below the highest price since its entry a position is closed, as a fraction; 0 is never." example:"0"`
	MaxHold      string          `json:"max_hold" doc:"After how long a position is closed; 0s is never." example:"0s"`
	CoolDown     string          `json:"cool_down" doc:"How long nothing is bought after a protective exit that lost." example:"0s"`
	MaxDailyLoss decimal.Decimal `json:"max_daily_loss" doc:"The share of the equity at the beginning of a UTC day whose loss closes everything for that day; 0 is no bound." example:"0"`
	MaxDrawdown  decimal.Decimal `json:"max_drawdown" doc:"The share of the highest equity whose loss closes everything for good; 0 is no bound." example:"0"`
	// Of the numbers of orders 0 is what the host allows anyway.
	MaxOrders        int  `json:"max_orders" doc:"How many orders may be open; 0 is 100." example:"0"`
	MaxOrdersAMinute int  `json:"max_orders_a_minute" doc:"How many orders the strategy may place in any minute; 0 is 300." example:"0"`
	CloseOnly        bool `json:"close_only" doc:"Whether nothing is bought." example:"false"`
}

type documentData struct {
	Source         string    `json:"source" doc:"Where the candles are from."`
	From           time.Time `json:"from" doc:"When the first candle opened." example:"2025-01-01T00:00:00Z"`
	To             time.Time `json:"to" doc:"When the last one closed." example:"2026-01-01T00:00:00Z"`
	Candles        int64     `json:"candles" doc:"How many candles there were." example:"525600"`
	Filled         int       `json:"filled" doc:"How many were missing and filled flat." example:"0"`
	PricesRounded  int       `json:"prices_rounded" doc:"How many prices lay between two ticks." example:"0"`
	VolumesRounded int       `json:"volumes_rounded" doc:"How many volumes lay between two steps." example:"0"`
}

type documentStatistics struct {
	InitialEquity decimal.Decimal `json:"initial_equity" doc:"What the account was worth to begin with: its cash, and what it held at the first opens."`
	FinalEquity   decimal.Decimal `json:"final_equity" doc:"What the account was worth at the end."`
	Profit        decimal.Decimal `json:"profit" doc:"The difference of the two."`
	Fees          decimal.Decimal `json:"fees" doc:"All fees that were paid."`
	HeldEquity    decimal.Decimal `json:"buy_and_hold_equity" doc:"What buying at the first open and holding would have given, before fees; of several pairs, equal shares of each."`

	TotalReturn perf.Number `json:"total_return" doc:"Profit as a share of what the account was worth to begin with." example:"0.12"`
	BuyAndHold  perf.Number `json:"buy_and_hold" doc:"Return of holding." example:"0.08"`
	Excess      perf.Number `json:"excess" doc:"Total return less that of holding." example:"0.04"`
	CAGR        perf.Number `json:"cagr" doc:"Compound growth a year; null for less than a day." example:"0.12"`
	Volatility  perf.Number `json:"volatility" doc:"Standard deviation of daily returns, made annual." example:"0.3"`
	Sharpe      perf.Number `json:"sharpe" doc:"Sharpe ratio of daily returns, made annual, with a risk-free rate of 0." example:"1.1"`
	Sortino     perf.Number `json:"sortino" doc:"Sortino ratio of daily returns, made annual." example:"1.6"`
	Calmar      perf.Number `json:"calmar" doc:"Growth a year divided by the largest drawdown." example:"0.9"`
	Exposure    perf.Number `json:"exposure" doc:"Share of the time in which a position was held." example:"0.5"`
	UnderWater  perf.Number `json:"under_water" doc:"Share of the candles that closed below an earlier peak." example:"0.9"`

	MaxDrawdown            *documentDrawdown `json:"max_drawdown" doc:"The deepest fall from a peak; null if the equity never fell."`
	LongestDrawdownSeconds int64             `json:"longest_drawdown_seconds" doc:"The longest time from a peak until it was reached again." example:"86400"`

	Trades         int             `json:"trades" doc:"How many trades were closed." example:"42"`
	Won            int             `json:"won" doc:"How many of them gained." example:"20"`
	Lost           int             `json:"lost" doc:"How many of them lost." example:"22"`
	WinRate        perf.Number     `json:"win_rate" doc:"Share of the trades that gained." example:"0.48"`
	ProfitFactor   perf.Number     `json:"profit_factor" doc:"Sum of the gains divided by that of the losses; null without a loss." example:"1.3"`
	AverageSeconds perf.Number     `json:"average_trade_seconds" doc:"How long a trade was held on average." example:"7200"`
	LargestWin     decimal.Decimal `json:"largest_win" doc:"The largest gain of a trade."`
	LargestLoss    decimal.Decimal `json:"largest_loss" doc:"The largest loss of a trade."`
	LongestLosing  int             `json:"longest_losing_streak" doc:"The most trades in a row that lost." example:"6"`

	Months []documentMonth `json:"months" doc:"The returns of the calendar months, oldest first."`
}

type documentDrawdown struct {
	Depth    float64         `json:"depth" doc:"The fall as a share of the peak." example:"0.12"`
	Amount   decimal.Decimal `json:"amount" doc:"The fall as an amount."`
	Peak     time.Time       `json:"peak" doc:"When the peak was." example:"2025-02-01T00:00:00Z"`
	Trough   time.Time       `json:"trough" doc:"When the lowest point after it was." example:"2025-03-01T00:00:00Z"`
	Recovery *time.Time      `json:"recovery" doc:"When the peak was reached again; null if it was not."`
}

type documentMonth struct {
	Month  string      `json:"month" doc:"The month." example:"2025-02"`
	Return perf.Number `json:"return" doc:"Its return." example:"0.03"`
}

type documentPosition struct {
	Pair       string          `json:"pair,omitempty" doc:"In which pair, if several were traded." example:"ETHMYR"`
	OpenedAt   time.Time       `json:"opened_at" doc:"When it was opened." example:"2025-12-30T10:00:00Z"`
	Volume     decimal.Decimal `json:"volume" doc:"How much, in the base currency."`
	EntryPrice decimal.Decimal `json:"entry_price" doc:"Average price, fees left out."`
	Cost       decimal.Decimal `json:"cost" doc:"What it was bought for, fees included."`
	Value      decimal.Decimal `json:"value" doc:"What it is worth at the last price."`
	Profit     decimal.Decimal `json:"profit" doc:"Value less cost."`
}

type documentTrade struct {
	Pair       string          `json:"pair,omitempty" doc:"In which pair, if several were traded." example:"ETHMYR"`
	EntryTime  time.Time       `json:"entry_time" doc:"When the position was opened." example:"2025-02-01T10:00:00Z"`
	ExitTime   time.Time       `json:"exit_time" doc:"When it was closed." example:"2025-02-01T12:00:00Z"`
	EntryPrice decimal.Decimal `json:"entry_price" doc:"Average price of the entry, fees left out."`
	ExitPrice  decimal.Decimal `json:"exit_price" doc:"Average price of the exit, fees left out."`
	Volume     decimal.Decimal `json:"volume" doc:"How much, in the base currency."`
	EntryFee   decimal.Decimal `json:"entry_fee" doc:"Fees of the entry."`
	ExitFee    decimal.Decimal `json:"exit_fee" doc:"Fees of the exit."`
	Fees       decimal.Decimal `json:"fees" doc:"The sum of the two."`
	Profit     decimal.Decimal `json:"profit" doc:"What it realised after fees."`
}

// WriteJSON writes the report with every trade and the whole equity curve: one
// point for each candle's close, after one for the start. Of both it holds one
// at a time.
func (r *Report) WriteJSON(w io.Writer) error {
	head, err := json.MarshalIndent(r.head(), "", "  ")
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	out := bufio.NewWriterSize(w, 1<<16)
	out.Write(bytes.TrimSuffix(head, []byte("]\n}"))) //nolint:errcheck,gosec // Flush tells
	for i, t := range r.result.Trades.All() {
		line, err := json.MarshalIndent(r.documentTrade(t), "    ", "  ")
		if err != nil {
			return fmt.Errorf("writing the report: %w", err)
		}
		if i > 0 {
			out.WriteByte(',') //nolint:errcheck,gosec // Flush tells
		}
		out.WriteString("\n    ") //nolint:errcheck,gosec // Flush tells
		out.Write(line)           //nolint:errcheck,gosec // Flush tells
	}
	if r.TradeCount() > 0 {
		out.WriteString("\n  ") //nolint:errcheck,gosec // Flush tells
	}
	out.WriteString("],\n  \"equity\": [\n") //nolint:errcheck,gosec // Flush tells
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
		point(end, r.result.CloseTime(i), text)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

// Document returns the report as the value whose JSON WriteJSON begins with,
// without the equity curve.
func (r *Report) Document() Document {
	d := r.head()
	d.Trades = slices.Grow(d.Trades, r.TradeCount())
	for _, t := range r.result.Trades.All() {
		d.Trades = append(d.Trades, r.documentTrade(t))
	}
	return d
}

// head is the document without its trades.
func (r *Report) head() Document {
	cfg := r.result.Config
	d := Document{
		Strategy:   documentStrategy{Name: r.Strategy, Version: r.Version, Parameters: r.Params},
		Market:     marketDocument(r.Market),
		Pairs:      pairsDocument(cfg),
		Config:     configDocument(cfg),
		Data:       dataDocument(r.Source, r.From, r.To, r.Candles, r.Data),
		Statistics: r.documentStatistics(),
		Warnings:   append([]string{}, r.Warnings...),
		Trades:     []documentTrade{},
	}
	d.Exposures = r.documentExposures()
	if len(r.Orders) > 0 {
		d.Orders = ordersDocument(r.Orders)
	}
	if len(d.Strategy.Parameters) == 0 {
		d.Strategy.Parameters = json.RawMessage("{}")
	}
	if r.Position != nil {
		d.Position = new(r.positionDocument(*r.Position))
	}
	for _, p := range r.Others {
		d.Others = append(d.Others, r.positionDocument(p))
	}
	if l := r.LookAhead; l != nil {
		d.LookAhead = &documentLookAhead{Depth: string(l.Depth), Probes: l.Probes, Candles: l.Candles, Within: l.Within, Passed: l.Finding == nil}
		if l.Finding != nil {
			d.LookAhead.Finding = l.Finding.Describe(r.Market)
		}
	}
	return d
}

func dataDocument(source string, from, to time.Time, candles int64, read marketdata.CSVReport) documentData {
	return documentData{
		Source: source, From: from, To: to, Candles: candles, Filled: read.Filled, PricesRounded: read.PricesRounded, VolumesRounded: read.VolumesRounded,
	}
}

func (r *Report) documentTrade(closed portfolio.Trade) documentTrade {
	t := r.trade(closed)
	return documentTrade{
		Pair: r.pairName(t.Pair), EntryTime: t.EntryTime, ExitTime: t.ExitTime, EntryPrice: t.EntryPrice, ExitPrice: t.ExitPrice, Volume: t.Volume,
		EntryFee: t.EntryFee, ExitFee: t.ExitFee, Fees: t.Fees(), Profit: t.Profit,
	}
}

func (r *Report) positionDocument(p Position) documentPosition {
	return documentPosition{
		Pair: r.pairName(p.Market.Pair), OpenedAt: p.OpenedAt, Volume: p.Volume, EntryPrice: p.EntryPrice, Cost: p.Cost, Value: p.Value, Profit: p.Profit,
	}
}

func marketDocument(m exchange.Market) documentMarket {
	return documentMarket{Pair: m.Pair, Base: m.Base, Counter: m.Counter, Tick: m.Tick, Step: m.Step}
}

// pairsDocument are the further pairs.
func pairsDocument(cfg backtest.Config) (out []documentPair) {
	for _, p := range cfg.Pairs {
		out = append(out, documentPair{marketDocument(p.Market), p.Market.Volume(p.Base), p.Market.Volume(p.MaxPosition)})
	}
	return out
}

func configDocument(cfg backtest.Config) documentConfig {
	d := documentConfig{
		Balance: cfg.Market.Amount(cfg.Balance), Holding: cfg.Market.Volume(cfg.Base), MakerFee: cfg.Fees.Maker.Decimal(), TakerFee: cfg.Fees.Taker.Decimal(), Slippage: cfg.Slippage.Decimal(),
		Spread: cfg.Spread.Decimal(), Range: cfg.Range.Decimal(), Impact: cfg.Impact.Decimal(), MaxShare: cfg.MaxShare.Decimal(),
		Latency: cfg.Latency.String(), Interval: cfg.Interval.String(), Decide: cmp.Or(cfg.Decide, cfg.Interval).String(),
		MaxPosition: cfg.Market.Volume(cfg.Risk.MaxPosition), StopLoss: cfg.Risk.StopLoss.Decimal(), TakeProfit: cfg.Risk.TakeProfit.Decimal(),
		TrailingStop: cfg.Risk.TrailingStop.Decimal(), MaxHold: cfg.Risk.MaxHold.String(), CoolDown: cfg.Risk.CoolDown.String(),
		MaxDailyLoss: cfg.Risk.MaxDailyLoss.Decimal(), MaxDrawdown: cfg.Risk.MaxDrawdown.Decimal(),
		MaxOrders: cfg.Risk.MaxOrders, MaxOrdersAMinute: cfg.Risk.MaxOrdersAMinute, CloseOnly: cfg.Risk.CloseOnly,
	}
	for _, tier := range cfg.Tiers {
		d.FeeTiers = append(d.FeeTiers, documentTier{
			Volume: cfg.Market.Amount(tier.Volume), MakerFee: tier.Fees.Maker.Decimal(), TakerFee: tier.Fees.Taker.Decimal(),
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
