package backtestreport

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest"
)

const (
	// fewTrades is how many trades are too few to mean much: below about 30 a
	// mean says little.
	fewTrades = 30
	// shortHistory is what annual figures need at the least.
	shortHistory = 30 * 24 * time.Hour
	// manyHoles is the share of filled candles above which figures over time
	// mislead.
	manyHoles = 0.05
	// mostSaid is how much of what a strategy says is shown, in characters.
	mostSaid = 300
)

// lacks says what the strategy looks at and had not.
func lacks(s strategy.Subscription) (out []string) {
	if s.Trades {
		out = append(out, "The strategy listens to the market's trades, and this run had none: live it hears more and may do something else.")
	}
	if s.Book {
		out = append(out, "The strategy looks at the order book, and this run had none, because its costs have no spread: live it sees one and may do something else.")
	}
	return out
}

// quietFills says how many fills of a run were in candles in which nobody else traded.
func quietFills(quiet, all int64) []string {
	if quiet == 0 {
		return nil
	}
	return []string{fmt.Sprintf(
		"%s of %s in candles without volume, at the price of before: nobody traded then, and live it may be another. A share of the volume as a bound keeps orders waiting there.",
		whole(quiet), count(all, "fill was", "fills were"),
	)}
}

// heldBack says which bound of the equity stopped a run, if one did.
func heldBack(r *backtest.Result) []string {
	b := r.Breaker
	if b.Kind == "" {
		return nil
	}
	return []string{fmt.Sprintf("From %s to the end nothing was bought: %s.", minute(time.UnixMilli(b.Since)), oneLine(b.Reason))}
}

// warnings says what a reader should know before trusting the figures.
func (r *Report) warnings() []string {
	var out []string
	warn := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	switch n := r.TradeCount(); {
	case n == 0 && len(r.open()) == 0:
		warn("The strategy made no trade. Look at its parameters and at the length of the history.")
		if waits := oneLine(r.result.Waits); waits != "" {
			warn("What it said last: %s.", waits)
		}
	case n == 0:
		warn("No trade was closed: what was bought is still held. Trust nothing below %d closed trades.", fewTrades)
	case n < fewTrades:
		warn("Only %s: too few to tell skill from luck. Trust nothing below %d trades.", count(int64(n), "closed trade"), fewTrades)
	}
	if refused := r.result.Refused; refused.Orders > 0 {
		warn("%s refused, the first at %s: %s.", count(refused.Orders, "order was", "orders were"), minute(time.UnixMilli(refused.Time)), oneLine(refused.Reason))
	}
	out = append(append(out, heldBack(r.result)...), lacks(r.result.Lacks)...)
	if d := r.To.Sub(r.From); d < shortHistory {
		warn("The history covers only %s: figures for a year are blown up from a short time.", span(d))
	}
	if filled := int64(r.Data.Filled); filled > 0 {
		share := float64(filled) / float64(r.Candles)
		warn("%s missing from the data, %s of all; each was filled with the last close and no volume.",
			count(filled, "candle is", "candles are"), percent(share))
		if share > manyHoles {
			warn("With so many holes the figures over time (growth a year, Sharpe, Sortino, time in the market) count quiet that never was.")
		}
	}
	out = append(out, quietFills(r.result.QuietFills, r.result.Fills())...)
	if n := int64(r.Data.PricesRounded); n > 0 {
		warn("%s between two ticks of %s and took the nearer one. A finer tick keeps them exact.", count(n, "price lay", "prices lay"), r.Market.Tick)
	}
	if r.result.Config.MaxShare > 0 && r.Data.VolumesRounded > 0 {
		warn("%s between two steps of %s and took the lower one.", count(int64(r.Data.VolumesRounded), "volume lay", "volumes lay"), r.Market.Step)
	}
	if r.Fees.GreaterThan(r.Initial.Div(decimal.NewFromInt(10))) {
		warn("Fees took %s %s, which is %s of the starting balance.", amount(r.Market, r.Fees), r.Market.Counter, percent(share(r.Fees, r.Initial)))
	}
	if r.result.Config.Fees.Taker == 0 && r.TradeCount() > 0 {
		warn("The taker fee is 0. A real account pays one, and frequent trading costs more than it seems here.")
	}
	for _, p := range r.open() {
		warn("A position of %s %s is still open. It counts in the final equity at the last price and is not among the trades.", p.Volume, p.Market.Base)
	}
	return out
}

// oneLine makes what a stranger's program says fit into a sentence.
func oneLine(text string) string {
	clean := strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return ' '
	}, strings.ToValidUTF8(text, ""))
	words := strings.Join(strings.Fields(clean), " ")
	if runes := []rune(words); len(runes) > mostSaid {
		words = string(runes[:mostSaid]) + " …"
	}
	return strings.TrimRight(words, ".")
}

// share returns a as a share of b.
func share(a, b decimal.Decimal) float64 {
	if b.IsZero() {
		return 0
	}
	return a.Div(b).InexactFloat64()
}
