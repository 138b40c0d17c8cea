package backtestreport

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/backtest/search"
	"github.com/lunobot/lunobot/strategy/perf"
)

// WalkInput is what the report of a walk forward is made of.
type WalkInput struct {
	// Candles are those that the runs were given. Data, Notes and Source are as in
	// Input.
	Candles *marketdata.Packed
	Data    marketdata.CSVReport
	Notes   []string
	Source  string
	// Config is what all runs were made with; required.
	Config backtest.Config
	// Info is the strategy's; required.
	Info strategy.Info
	// Walk is the walk; required.
	Walk *search.Walk
}

// Walk is a finished walk forward. It is not changed by writing it.
type Walk struct {
	// Worth says in sentences what came of it, Warnings what a reader should know
	// before trusting it.
	Worth, Warnings []string

	in WalkInput
}

// NewWalk returns the report of a walk forward.
func NewWalk(in WalkInput) (*Walk, error) {
	if in.Walk == nil || len(in.Walk.Windows) == 0 {
		return nil, errors.New("backtestreport: a walk with a window is required")
	}
	if in.Info.Title == "" {
		in.Info.Title = in.Info.Name
	}
	w := &Walk{in: in}
	w.Worth, w.Warnings = w.worth(), w.warnings()
	return w, nil
}

// Fees returns what was paid after the windows, in the counter currency.
func (w *Walk) Fees() decimal.Decimal { return w.in.Config.Market.Amount(w.in.Walk.Fees) }

// Initial returns what the account was worth when it began to trade, in the counter
// currency; if it never did, its cash.
func (w *Walk) Initial() decimal.Decimal {
	return w.in.Config.Market.Amount(cmp.Or(w.in.Walk.Initial, w.in.Config.Balance))
}

// Line returns the equity after the windows from Initial on, with at most that many
// points, at least two.
func (w *Walk) Line(points int) []float64 {
	curve := w.in.Walk.Curve
	initial := w.Initial().InexactFloat64()
	n := min(max(points, 2), len(curve))
	out := make([]float64, n)
	for i := range out {
		out[i] = initial * curve[i*(len(curve)-1)/max(n-1, 1)].Value
	}
	return out
}

// from and to are when the walk's first window began and its last choice was
// traded to.
func (w *Walk) from() time.Time { return w.in.Walk.Windows[0].From }

func (w *Walk) to() time.Time { return w.in.Walk.Windows[len(w.in.Walk.Windows)-1].End }

func (w *Walk) span() string { return minute(w.from()) + " to " + minute(w.to()) + " UTC" }

// walked says how the walk was made.
func (w *Walk) walked() string {
	a := w.in.Walk
	kind := "rolling"
	if a.Anchored {
		kind = "anchored"
	}
	return fmt.Sprintf("%s (%s) of %s, each traded for %s after it; %s by %s, best by %s", count(int64(len(a.Windows)), "window"), kind, span(a.InSample),
		span(a.OutOfSample), count(int64(a.Tried), "set"), methodName(a.Method), measureName(a.Objective.Measure))
}

// gained counts the windows after which the choice gained, and those that were
// traded.
func (w *Walk) gained() (gained, traded int) {
	for _, window := range w.in.Walk.Windows {
		if window.Best == nil {
			continue
		}
		traded++
		if window.Outside.TotalReturn > 0 {
			gained++
		}
	}
	return gained, traded
}

// choices counts how many different sets were chosen.
func (w *Walk) choices() int {
	var all []string
	for _, window := range w.in.Walk.Windows {
		if window.Best != nil {
			all = append(all, strings.Join(window.Best.Values, ", "))
		}
	}
	slices.Sort(all)
	return len(slices.Compact(all))
}

func (w *Walk) worth() []string {
	a := w.in.Walk
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	gained, traded := w.gained()
	say("After the windows, on candles that no choice had seen, the account made %s; holding %s over the same times made %s.",
		change(a.TotalReturn.Float()), w.holding(), change(a.Held.Float()))
	say("%s of %s windows gained after their end.", whole(int64(gained)), whole(int64(traded)))
	switch {
	case a.Efficiency < 0:
		say("Efficiency: the account grew within the windows and shrank after them (walk-forward efficiency %s).", percent(a.Efficiency.Float()))
	case a.Efficiency.Defined():
		say("Efficiency: a year of trading the choices grew by %s of what it did within the windows (walk-forward efficiency). Half or more is a good sign.",
			percent(a.Efficiency.Float()))
	}
	if a.Probabilistic.Defined() {
		say("The Sharpe ratio after the windows is %s; the probability that the true one is above 0 is %s. Nothing was chosen by it.",
			figure(a.Sharpe), percent(a.Probabilistic.Float()))
	}
	if traded > 1 {
		say("%s chosen in %s.", count(int64(w.choices()), "set was", "different sets were"), count(int64(traded), "window"))
	}
	return out
}

// fewWindows is how many windows are too few to mean much.
const fewWindows = 5

func (w *Walk) warnings() []string {
	a := w.in.Walk
	out := slices.Clone(w.in.Notes)
	warn := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	gained, traded := w.gained()
	switch {
	case traded == 0:
		warn("No window had a set with a %s within the bounds asked for: nothing was traded. The Sharpe and Sortino ratios and growth take windows of two whole days at least.",
			measureName(a.Objective.Measure))
	case len(a.Windows) < fewWindows:
		warn("Only %s: too few to tell skill from luck.", count(int64(len(a.Windows)), "window"))
	}
	if traded > 0 && traded < len(a.Windows) {
		warn("%s no set within the bounds asked for, and traded nothing after it.", count(int64(len(a.Windows)-traded), "window has", "windows have"))
	}
	short, without := 0, strategy.Subscription{}
	fills, quiet := int64(0), int64(0)
	for i := range a.Windows {
		window := &a.Windows[i]
		fills, quiet = fills+window.Outside.Fills, quiet+window.Outside.QuietFills
		if window.Short {
			short++
		}
		if window.Best != nil {
			without.Trades, without.Book = without.Trades || window.Best.Lacks.Trades, without.Book || window.Best.Lacks.Book
		}
	}
	if d := time.Duration(traded) * a.OutOfSample; d < shortHistory && traded > 0 {
		warn("Only %s were traded after the windows: figures for a year are blown up from a short time.", span(d))
	}
	out = append(append(out, lacks(without)...), quietFills(quiet, fills)...)
	if short > 0 {
		warn("%s cold, for the history has fewer candles before than the strategy warms up with.", count(int64(short), "window begins", "windows begin"))
	}
	switch {
	case a.TotalReturn < 0:
		warn("The choices lost money on candles that they had not seen.")
	case a.Efficiency < stable:
		warn("The choices did much worse after the windows than within them: they fit the past more than the market.")
	}
	if traded > 0 && 2*gained < traded {
		warn("Fewer than half of the windows gained after their end.")
	}
	if a.Trades < fewTrades && traded > 0 {
		warn("Only %s: too few to tell skill from luck. Trust nothing below %d trades.", count(int64(a.Trades), "closed trade"), fewTrades)
	}
	if filled := int64(w.in.Data.Filled); filled > 0 {
		warn("%s missing from the data; each was filled with the last close and no volume.", count(filled, "candle is", "candles are"))
	}
	if w.in.Config.Fees.Taker == 0 && a.Trades > 0 {
		warn("The taker fee is 0. A real account pays one, and frequent trading costs more than it seems here.")
	}
	return out
}

// holding names what is compared with.
func (w *Walk) holding() string {
	var names []string
	for _, m := range w.in.Config.Markets() {
		names = append(names, m.Base)
	}
	if len(names) == 1 {
		return names[0]
	}
	return "equal shares of " + strings.Join(names, ", ")
}

// aYear says of which years annual figures are: those between the windows are in none.
func (w *Walk) aYear() string {
	if w.in.Walk.Step > w.in.Walk.OutOfSample {
		return " a year of trading"
	}
	return " a year"
}

// years writes a growth a year, which is a logarithm, as a change.
func years(n perf.Number) string {
	if !n.Defined() {
		return "–"
	}
	return change(growthOf(n.Float()))
}
