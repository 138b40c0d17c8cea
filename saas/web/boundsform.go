package web

import (
	"net/url"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/saas/bot"
)

// boundsForm is what stands in the form of a bot's bounds, as texts by the names of the
// controls; "" is none.
type boundsForm map[string]string

// boundKind is one bound of a bot: how the form asks for it, and where it is kept.
type boundKind struct {
	// Name is that of the control, Place that of its faults.
	Name, Place, Label, Help string
	// Unit is what an amount is counted in, Suffix what follows the control; the base
	// currency for "".
	Unit, Suffix string
	// None is what stands for none.
	None string
	// of and set read and write it.
	of  func(r bot.Risk) decimal.Decimal
	set func(r *bot.Risk, d decimal.Decimal)
}

// boundSet are bounds that belong together.
type boundSet struct {
	Title, Help string
	Kinds       []boundKind
}

// minute is how many seconds a minute has: what people type in minutes is kept in seconds.
const minute = 60

// percentBound, timeBound and countBound are bounds of their sort.
func percentBound(name, label, suffix, help string, field func(r *bot.Risk) *decimal.Decimal) boundKind {
	return boundKind{
		Name: name, Place: "risk/" + name + "_percent", Label: label, Help: help, Unit: "%", Suffix: "% " + suffix, None: "none",
		of: func(r bot.Risk) decimal.Decimal { return *field(&r) }, set: func(r *bot.Risk, d decimal.Decimal) { *field(r) = d },
	}
}

func timeBound(name, label, help string, field func(r *bot.Risk) *int64) boundKind {
	return boundKind{
		Name: name, Place: "risk/" + name + "_seconds", Label: label, Help: help, Unit: "minutes", Suffix: "minutes", None: "none",
		of: func(r bot.Risk) decimal.Decimal {
			return decimal.NewFromInt(*field(&r)).Div(decimal.NewFromInt(minute))
		},
		set: func(r *bot.Risk, d decimal.Decimal) { *field(r) = whole(d.Mul(decimal.NewFromInt(minute)).Round(6)) },
	}
}

func countBound(name, label, suffix, none, help string, field func(r *bot.Risk) *int64) boundKind {
	return boundKind{
		Name: name, Place: "risk/" + name, Label: label, Help: help, Unit: suffix, Suffix: suffix, None: none,
		of: func(r bot.Risk) decimal.Decimal { return decimal.NewFromInt(*field(&r)) }, set: func(r *bot.Risk, d decimal.Decimal) { *field(r) = whole(d) },
	}
}

// whole is a whole number, or one that no bound can be for what is none.
func whole(d decimal.Decimal) int64 {
	if !d.IsInteger() || d.Abs().GreaterThan(decimal.New(1, 15)) {
		return -1
	}
	return d.IntPart()
}

// boundSets are all bounds of a bot, as the form groups them.
func boundSets() []boundSet {
	drawdown := percentBound("max_drawdown", "Largest drawdown", "of the highest equity",
		"Closes all and buys no more once the account has fallen that far from its highest, until you resume the bot.", func(r *bot.Risk) *decimal.Decimal { return &r.MaxDrawdownPercent })
	drawdown.Name = "stop_drawdown" // a sweep has a control of the other name
	return []boundSet{
		{"Protection", "What closes a position, whatever the strategy says: of a running bot within a second or two of the trade that reaches it, one bad print aside; in a backtest within the minute, on the worse path.", []boundKind{
			percentBound("stop_loss", "Stop-loss", "below entry", "Closes the position when the price has fallen that far.", func(r *bot.Risk) *decimal.Decimal { return &r.StopLossPercent }),
			percentBound("take_profit", "Take-profit", "above entry", "Closes the position when the price has risen that far.", func(r *bot.Risk) *decimal.Decimal { return &r.TakeProfitPercent }),
			percentBound("trailing_stop", "Trailing stop", "below the highest", "Follows the price up, and closes the position when it has fallen that far from its highest since the entry.",
				func(r *bot.Risk) *decimal.Decimal { return &r.TrailingStopPercent }),
			timeBound("max_hold", "Time exit", "Closes the position after that long.", func(r *bot.Risk) *int64 { return &r.MaxHoldSeconds }),
		}},
		{"Circuit breakers", "What makes the bot stop buying for a while.", []boundKind{
			percentBound("max_daily_loss", "Largest daily loss", "of the day's beginning", "Closes all and buys no more until the next day (UTC) once that much of the account is lost since the day began.",
				func(r *bot.Risk) *decimal.Decimal { return &r.MaxDailyLossPercent }),
			drawdown,
			timeBound("cool_down", "Cool-down", "Buys nothing for that long after a protective exit that lost.", func(r *bot.Risk) *int64 { return &r.CoolDownSeconds }),
		}},
		{"Limits", "What the bot may have and do at once.", []boundKind{
			{
				Name: "max_position", Place: "risk/max_position", Label: "Largest position", Help: "Orders that would hold more are denied.", None: "no bound",
				of: func(r bot.Risk) decimal.Decimal { return r.MaxPosition }, set: func(r *bot.Risk, d decimal.Decimal) { r.MaxPosition = d },
			},
			countBound("max_orders", "Open orders", "orders", "100 orders", "More at a time are denied. Without it 100.", func(r *bot.Risk) *int64 { return &r.MaxOrders }),
			countBound("max_orders_a_minute", "Orders a minute", "orders", "300 orders", "More in any minute are denied; exits do not count. Without it 300.", func(r *bot.Risk) *int64 { return &r.MaxOrdersAMinute }),
		}},
	}
}

// readBounds takes the bounds out of a form.
func readBounds(sent url.Values) boundsForm {
	f := boundsForm{}
	for _, s := range boundSets() {
		for _, k := range s.Kinds {
			f[k.Name] = sent.Get(k.Name)
		}
	}
	return f
}

// boundsOf fills the form with bounds.
func boundsOf(r bot.Risk) boundsForm {
	f := boundsForm{}
	for _, s := range boundSets() {
		for _, k := range s.Kinds {
			f[k.Name] = trimmed(k.of(r))
		}
	}
	return f
}

// risk turns the texts into bounds; those that are no numbers are faults.
func (f boundsForm) risk(bad faults) bot.Risk {
	var r bot.Risk
	for _, s := range boundSets() {
		for _, k := range s.Kinds {
			k.set(&r, bad.number(f[k.Name], k.Place))
		}
	}
	return r
}

// boundField is a bound as a page shows or asks for it.
type boundField struct {
	boundKind
	// Value is its text, Fault what is wrong with it.
	Value, Fault string
}

// Text is the bound in words.
func (f boundField) Text() string {
	if f.Value == "" {
		return f.None
	}
	return grouped(f.Value) + " " + f.Unit
}

// boundGroup are bounds that belong together, as a page shows or asks for them.
type boundGroup struct {
	Title, Help string
	Fields      []boundField
}

// Groups are the bounds as the form asks for them, of a market of a base currency.
func (f boundsForm) Groups(base string, bad faults) []boundGroup {
	var out []boundGroup
	for _, s := range boundSets() {
		g := boundGroup{Title: s.Title, Help: s.Help}
		for _, k := range s.Kinds {
			if k.Unit == "" {
				k.Unit, k.Suffix = base, base
			}
			g.Fields = append(g.Fields, boundField{boundKind: k, Value: f[k.Name], Fault: bad[k.Place]})
		}
		out = append(out, g)
	}
	return out
}

// Lines are the bounds as a summary shows them: those that are set, and a stop-loss and a
// largest position in any case.
func (f boundsForm) Lines(base string) []boundField {
	var out []boundField
	for _, g := range f.Groups(base, nil) {
		for _, b := range g.Fields {
			if b.Value != "" || b.Name == "stop_loss" || b.Name == "max_position" {
				out = append(out, b)
			}
		}
	}
	return out
}
