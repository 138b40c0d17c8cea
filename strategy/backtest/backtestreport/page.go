package backtestreport

import (
	"strings"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy/backtest"
)

// maxRows bounds the trades that the page lists.
const maxRows = 1000

// Heading says of which run a page is.
type Heading struct {
	Title    string `json:"title"`
	Strategy string `json:"strategy"`
	Version  string `json:"version"`
	Pair     string `json:"pair"`
	Source   string `json:"source,omitempty"`
	// Span is the time that the run covers, in words.
	Span string `json:"span"`
}

// Page is a report as it is shown: texts and drawings, ready for a template. It
// is made once, can be kept as JSON and needs neither run nor candles any more.
type Page struct {
	Heading
	Headline []Tile    `json:"headline"`
	Tiles    []Tile    `json:"tiles"`
	Warnings []string  `json:"warnings,omitempty"`
	Settings []Setting `json:"settings"`
	Drawing
	Years []Year `json:"years,omitempty"`
	// Assets are the pairs of a run that traded several, and its cash.
	Assets []AssetRow `json:"assets,omitempty"`
	// Orders say what the trades in other orders give.
	Orders []string `json:"orders,omitempty"`
	// Spread is nil for fewer than two trades.
	Spread *Spread    `json:"spread,omitempty"`
	Trades []TradeRow `json:"trades,omitempty"`
	// Left says that not all trades are listed, Position what is still held.
	Left     string `json:"left,omitempty"`
	Position string `json:"position,omitempty"`
}

// Tile is one figure; Tone is "gain", "loss" or "".
type Tile struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Note  string `json:"note,omitempty"`
	Tone  string `json:"tone,omitempty"`
}

// Setting is a condition of the run or a parameter of the strategy.
type Setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// TradeRow is a line of the table of trades; Tone is "gain", "loss" or "".
type TradeRow struct {
	Number string `json:"number"`
	// Pair is there if the run traded several.
	Pair       string `json:"pair,omitempty"`
	Entry      string `json:"entry"`
	Exit       string `json:"exit"`
	Held       string `json:"held"`
	Volume     string `json:"volume"`
	EntryPrice string `json:"entry_price"`
	ExitPrice  string `json:"exit_price"`
	Fees       string `json:"fees"`
	Profit     string `json:"profit"`
	Return     string `json:"return"`
	Tone       string `json:"tone,omitempty"`
}

// Page returns what is shown of the report. The charts draw fewer points than
// there are candles, but never lose a peak or a trough.
func (r *Report) Page() Page {
	a := r.newAxis()
	p := Page{
		Heading: Heading{
			Title: r.Title, Strategy: r.Strategy, Version: r.Version, Pair: r.traded(), Source: r.Source, Span: minute(r.From) + " to " + minute(r.To) + " UTC",
		},
		Headline: r.headline(), Tiles: r.tiles(), Warnings: r.Warnings, Settings: r.settings(),
		Drawing: Drawing{Charts: r.charts(a), Dates: r.dates(a), Folded: len(a.folds) > 0, Readings: r.readings(a)},
		Years:   r.calendar(), Assets: r.assets(), Orders: inOrders(r.Orders), Spread: r.distribution(),
	}
	first := max(0, r.TradeCount()-maxRows)
	if first > 0 {
		p.Left = "The newest " + whole(maxRows) + " of " + whole(int64(r.TradeCount())) + " trades; the JSON report has all."
	}
	for i, t := range r.result.Trades.From(first) {
		p.Trades = append(p.Trades, r.tradeRow(i+1, r.trade(t)))
	}
	for _, o := range r.open() {
		p.Position = strings.TrimSpace(p.Position + " " + o.sentence())
	}
	return p
}

func (r *Report) headline() []Tile {
	s := r.Stats
	return []Tile{
		{"Result", signed(r.Market, r.Profit) + " " + r.Market.Counter, change(s.TotalReturn.Float()), tone(r.Profit.Sign())},
		{r.holding(), signed(r.Market, r.Held.Sub(r.Initial)) + " " + r.Market.Counter, change(s.BuyAndHold.Float()), tone(r.Held.Cmp(r.Initial))},
		{"Against holding", signed(r.Market, r.Final.Sub(r.Held)) + " " + r.Market.Counter, "the strategy's result less the holder's", tone(r.Final.Cmp(r.Held))},
	}
}

func (r *Report) tiles() []Tile {
	s, t := r.Stats, r.Stats.Trades
	drawdown := Tile{Name: "Largest drawdown", Value: "none"}
	if d := s.MaxDrawdown; d != nil {
		drawdown.Value, drawdown.Note = change(-d.Depth), "until "+d.Trough.Format(time.DateOnly)
	}
	return []Tile{
		drawdown,
		{"Sharpe ratio", figure(s.Sharpe), "Sortino " + figure(s.Sortino), ""},
		{"Growth a year", change(s.CAGR.Float()), "volatility " + percent(s.Volatility.Float()), ""},
		{"Trades", whole(int64(t.Count)), whole(int64(t.Won)) + " won, " + whole(int64(t.Lost)) + " lost", ""},
		{"Win rate", percent(t.WinRate.Float()), whole(int64(t.LongestLosing)) + " lost in a row", ""},
		{"Profit factor", figure(t.ProfitFactor), "average " + signed(r.Market, r.meanProfit()), ""},
		{"Fees in " + r.Market.Counter, amount(r.Market, r.Fees), percent(share(r.Fees, r.Initial)) + " of start", ""},
		{"In the market", percent(s.Exposure.Float()), "of the time", ""},
	}
}

// settings are the run's conditions, then the strategy's parameters.
func (r *Report) settings() []Setting {
	list := conditions(r.result.Config, r.Candles)
	for _, c := range r.checkRows() {
		list = append(list, Setting{c.Name, c.Value + "; " + c.Note})
	}
	for _, p := range r.parameters() {
		list = append(list, Setting{p.Name, p.Value})
	}
	return list
}

// conditions are what runs were made with, over so many candles each.
func conditions(cfg backtest.Config, candles int64) []Setting {
	m := cfg.Market
	start := amount(m, m.Amount(cfg.Balance)) + " " + m.Counter
	for leg, m := range cfg.Markets() {
		if base := cfg.BaseOf(int64(leg)); base > 0 {
			start += " and " + exchange.Grouped(m.Volume(base).String()) + " " + m.Base
		}
	}
	list := []Setting{
		{"Starting balance", start},
		{"Maker fee", rate(cfg.Fees.Maker)},
		{"Taker fee", rate(cfg.Fees.Taker)},
		{"Slippage", rate(cfg.Slippage)},
		{"Tick, step", grid(m)},
		{"Candles", whole(candles) + " of " + span(cfg.Interval)},
	}
	for _, t := range cfg.Tiers {
		list = append(list, Setting{"Fees from " + amount(m, m.Amount(t.Volume)) + " " + m.Counter + " in 30 days", rate(t.Fees.Maker) + " maker, " + rate(t.Fees.Taker) + " taker"})
	}
	for _, p := range cfg.Pairs {
		list = append(list, Setting{"Tick, step of " + p.Market.Pair, grid(p.Market)})
		if p.MaxPosition > 0 {
			list = append(list, Setting{"Largest position in " + p.Market.Pair, p.Market.Volume(p.MaxPosition).String() + " " + p.Market.Base})
		}
	}
	if cfg.Decide > 0 && cfg.Decide != cfg.Interval {
		list = append(list, Setting{"Decides on candles of", span(cfg.Decide)})
	}
	for _, bound := range []struct {
		name, before, after string
		rate                exchange.Rate
	}{
		{"Spread", "", "", cfg.Spread}, {"Slippage by range", "", "", cfg.Range}, {"Impact", "", "", cfg.Impact},
		{"Share of the volume", "at most ", "", cfg.MaxShare},
		{"Stop-loss", "", " below entry", cfg.Risk.StopLoss}, {"Take-profit", "", " above entry", cfg.Risk.TakeProfit},
		{"Trailing stop", "", " below the highest price", cfg.Risk.TrailingStop},
		{"Largest daily loss", "", " of the day's first equity", cfg.Risk.MaxDailyLoss},
		{"Largest drawdown", "", " of the highest equity", cfg.Risk.MaxDrawdown},
	} {
		if bound.rate > 0 {
			list = append(list, Setting{bound.name, bound.before + rate(bound.rate) + bound.after})
		}
	}
	if most := cfg.Risk.MaxPosition; most > 0 {
		list = append(list, Setting{"Largest position", m.Volume(most).String() + " " + m.Base})
	}
	if most := cfg.Risk.MaxHold; most > 0 {
		list = append(list, Setting{"Longest holding", span(most)})
	}
	if wait := cfg.Risk.CoolDown; wait > 0 {
		list = append(list, Setting{"Cool-down", span(wait) + " after an exit that lost"})
	}
	if cfg.Risk.CloseOnly {
		list = append(list, Setting{"Close only", "nothing is bought"})
	}
	for _, bound := range []struct {
		name        string
		most, usual int
	}{{"Open orders", cfg.Risk.MaxOrders, 100}, {"Orders a minute", cfg.Risk.MaxOrdersAMinute, 300}} {
		if bound.most > 0 && bound.most != bound.usual {
			list = append(list, Setting{bound.name, "at most " + whole(int64(bound.most))})
		}
	}
	if cfg.Latency > 0 {
		list = append(list, Setting{"Latency", cfg.Latency.String()})
	}
	return list
}

// grid writes a market's tick and step.
func grid(m exchange.Market) string {
	return m.Tick.String() + " " + m.Counter + ", " + m.Step.String() + " " + m.Base
}

// rate writes a rate in percent with all its decimals.
func rate(r exchange.Rate) string { return exchange.Grouped(r.Decimal().Shift(2).String()) + " %" }

func (r *Report) tradeRow(number int, t Trade) TradeRow {
	m := r.marketOf(t)
	return TradeRow{
		Pair: r.pairName(t.Pair), Number: whole(int64(number)), Entry: minute(t.EntryTime), Exit: minute(t.ExitTime), Held: span(t.Held()), Volume: exchange.Grouped(t.Volume.StringFixed(m.VolumeScale())),
		EntryPrice: price(m, t.EntryPrice), ExitPrice: price(m, t.ExitPrice), Fees: amount(m, t.Fees()),
		Profit: signed(m, t.Profit), Return: change(t.Return), Tone: tone(t.Profit.Sign()),
	}
}

func tone(sign int) string {
	switch {
	case sign > 0:
		return "gain"
	case sign < 0:
		return "loss"
	}
	return ""
}
