package web

import (
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/replay"
	"github.com/lunobot/lunobot/saas/research"
)

// testForm is what stands in the form of a backtest, as texts.
type testForm struct {
	botForm
	// Ref is the history; its pair is that of the botForm.
	Ref    research.Ref
	Search searchForm
	// Span is the name of a spanChoice; From and To count if it is customSpan.
	Span, From, To string
	// MakerFee, TakerFee and Slippage are in per cent.
	MakerFee, TakerFee, Slippage string
	Terms                        termsForm
	// FullLook says that a backtest looks closely for knowledge of the future.
	FullLook bool
}

// spanChoice is a length of history that ends now.
type spanChoice struct {
	Name, Text string
	Days       int64
}

// The names of spans that are no number of days.
const (
	customSpan = "custom"
	wholeSpan  = "all"
)

// spanChoices lists the spans on offer within a history and a plan's bound.
func spanChoices(history time.Duration, most int64) []spanChoice {
	var list []spanChoice
	for _, c := range []spanChoice{{"7", "7 days", 7}, {"30", "30 days", 30}, {"90", "90 days", 90}, {"365", "1 year", 365}} {
		if time.Duration(c.Days)*24*time.Hour <= history && (c.Days <= most || most < 0) {
			list = append(list, c)
		}
	}
	if days := int64(history/(24*time.Hour)) + 1; days > 366 && (days <= most || most < 0) {
		list = append(list, spanChoice{wholeSpan, "All", days})
	}
	return append(list, spanChoice{Name: customSpan, Text: "Other"})
}

// fit chooses a span that there is in place of one that there is not.
func (f *testForm) fit(spans []spanChoice) {
	if slices.ContainsFunc(spans, func(c spanChoice) bool { return c.Name == f.Span }) {
		return
	}
	f.Span = spans[max(0, len(spans)-2)].Name // the longest, or another if there is none
}

// newTestForm is the form that nobody has touched.
func newTestForm() testForm {
	fees := bot.PaperFees()
	return testForm{
		botForm: botForm{Balance: defaultBalance, Params: map[string]string{}}, Search: newSearchForm(), Span: "90",
		MakerFee: percentText(fees.Maker.Decimal()), TakerFee: percentText(fees.Taker.Decimal()), Slippage: percentText(replay.SimulatedSlippage.Decimal()),
	}
}

// readTestForm takes the form out of what was sent.
func readTestForm(sent url.Values, s Strategy) testForm {
	f := testForm{
		botForm: readForm(sent, s), Search: readSearchForm(sent, s), Span: sent.Get("span"), From: sent.Get("from"), To: sent.Get("to"),
		MakerFee: sent.Get("maker_fee"), TakerFee: sent.Get("taker_fee"), Slippage: sent.Get("slippage"),
		FullLook: sent.Get("full_look") != "",
	}
	f.Terms = readTermsForm(sent)
	f.refer(f.Pair)
	return f
}

// refer takes the history that a text of the form names.
func (f *testForm) refer(text string) {
	f.Ref = parseRef(text)
	f.Pair = f.Ref.Pair
}

// testFormOf fills the form with a run.
func testFormOf(r research.Run, s Strategy) testForm {
	f := testForm{
		botForm: botForm{
			Name: r.Name, Pair: r.Pair, Also: pairsOf(r.Further), Strategy: r.Strategy, Pin: s.Version, Interval: bot.IntervalName(r.Interval), Balance: r.Balance.String(),
			Limits: boundsOf(r.Risk), AlsoMost: textsOf(pairsOf(r.Further), r.Risk.MaxPositions), Params: map[string]string{},
		},
		Ref: r.Ref(), Search: searchFormOf(r), Span: customSpan, From: localTime(r.From), To: localTime(r.To),
		MakerFee: percentText(r.MakerFee), TakerFee: percentText(r.TakerFee), Slippage: percentText(r.Slippage),
		Terms: termsFormOf(r), FullLook: r.FullLook,
	}
	f.fill(r.Parameters, s)
	if r.Figures != nil {
		f.fill(r.Figures.Best, s) // a sweep's best set; what it varied comes from its ranges
	}
	return f
}

// furtherSelects are those of the form of a bot, with what is held of each pair.
func (f testForm) furtherSelects(pairs []string, bad faults) []pairSelect {
	out := f.botForm.furtherSelects(pairs, bad)
	for i := range out {
		s := &out[i]
		if s.Holds = true; i < len(f.Terms.AlsoHolding) {
			s.Holding = f.Terms.AlsoHolding[i]
		}
		if s.Chosen != "" {
			s.HoldingFault = bad[holdingPlace+"/"+s.Chosen]
		}
	}
	return out
}

// Holdings are what is held of the further pairs that are chosen to begin with.
func (f testForm) Holdings() []pairAmount { return amountsOf(f.Also, f.Terms.AlsoHolding) }

// localTime writes a time for a control of a form, in UTC.
func localTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04") }

// percentText writes a fraction in per cent.
func percentText(d decimal.Decimal) string { return d.Shift(2).String() }

// input turns the texts into what the service takes; first and last bound the
// history.
func (f testForm) input(s Strategy, first, last time.Time) (research.CreateInput, faults) {
	common, bad := f.botForm.input(s)
	rate := func(text, place string) *decimal.Decimal {
		d := bad.number(text, place).Shift(-2)
		return &d
	}
	in := research.CreateInput{
		Name: common.Name, Source: f.Ref.Source, Pair: common.Pair, Also: common.Also, Recorded: f.Ref.Recorded,
		Strategy: common.Strategy, StrategyVersion: common.StrategyVersion, Parameters: common.Parameters, Interval: common.Interval,
		Balance: common.Balance, Risk: common.Risk, MakerFee: rate(f.MakerFee, "maker_fee"), TakerFee: rate(f.TakerFee, "taker_fee"),
		Slippage: rate(f.Slippage, "slippage"), Terms: f.Terms.terms(bad, f.botForm),
	}
	f.Search.into(&in, s, bad)
	in.FullLook = f.FullLook && in.Search == nil // the others have no place for it
	switch days, err := strconv.Atoi(f.Span); {
	case f.Span == wholeSpan:
		in.From = first
	case err == nil && days > 0 && days < 10_000:
		in.From = last.Truncate(max(common.Interval, time.Minute)).AddDate(0, 0, -days)
	default:
		in.From, in.To = f.time(f.From, "from", bad), f.time(f.To, "to", bad)
	}
	return in, bad
}

// time reads a time of a form, in UTC.
func (f testForm) time(text, place string, bad faults) time.Time {
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05", time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC()
		}
	}
	bad[place] = "Must be a date and a time, such as 2025-01-31 00:00."
	return time.Time{}
}
