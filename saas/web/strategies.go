package web

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/strategy/param"
)

func (w *Web) strategies(rq *request) error {
	return w.page(rq, http.StatusOK, "strategies/strategies", view{Title: "Strategies", Nav: "strategies", D: w.cfg.Strategies()})
}

// strategy returns an installed strategy by its name.
func (w *Web) strategy(name string) (Strategy, bool) {
	for _, s := range w.cfg.Strategies() {
		if s.Name == name {
			return s, true
		}
	}
	return Strategy{}, false
}

// pinned returns the version of a strategy that a bot or a backtest is pinned to.
func (w *Web) pinned(name, pin string) (Strategy, bool) {
	for _, s := range w.cfg.Versions(name) {
		if s.Pin == pin {
			return s, true
		}
	}
	return Strategy{}, false
}

// chosen returns the strategy that a form is about: a version, or without one that
// which a new bot gets.
func (w *Web) chosen(name, version string) (Strategy, bool) {
	if version == "" {
		return w.strategy(name)
	}
	if s, ok := w.pinned(name, version); ok {
		return s, true
	}
	for _, s := range w.cfg.Versions(name) { // what the program contains is pinned to nothing
		if s.Version == version {
			return s, true
		}
	}
	return Strategy{}, false
}

// ran returns the version that a bot or a backtest has, to fill a form with. If that
// cannot be used any more, it is the one that a new bot gets, and the warning says so.
func (w *Web) ran(name, pin, whose string) (s Strategy, warning string) {
	s, ok := w.pinned(name, pin)
	if ok {
		return s, ""
	}
	if s, ok = w.strategy(name); !ok {
		return s, fmt.Sprintf("%s used the strategy %s, which is not offered here any more. This is filled in for another one: choose which, and look over its parameters.", whose, name)
	}
	if pin != "" {
		pin = " " + pin
	}
	return s, fmt.Sprintf("%s has a version%s of the strategy that cannot be used any more. This is filled in for version %s: look over the parameters.", whose, pin, s.Version)
}

// versionChoices lists the versions of a strategy, as the form of a new bot or backtest
// has them to choose from.
func (w *Web) versionChoices(chosen Strategy) []versionChoice {
	var list []versionChoice
	for _, s := range w.cfg.Versions(chosen.Name) {
		list = append(list, versionChoice{Strategy: s, Chosen: s.Version == chosen.Version})
	}
	return list
}

// title returns a strategy's name for people; of one that is no longer
// installed its plain name.
func (w *Web) title(name string) string {
	if s, ok := w.strategy(name); ok && s.Title != "" {
		return s.Title
	}
	return name
}

// field is one control of a form for parameters.
type field struct {
	param.Field
	// Key names the control in the form and, as its id, in the page.
	Key string
	// Text is the value in the control.
	Text string
	// Bounds says which numbers are accepted, such as "1 to 500".
	Bounds string
	Fault  string
	// InCurrency is what the strategy calls the unit if that is a currency of the chosen
	// market, whose name Unit has then.
	InCurrency string
	// Refusal says which plan includes what a value other than the default takes, if this
	// one does not.
	Refusal string
}

// Shown is the value in words, for the summary.
func (f field) Shown() string {
	switch {
	case f.Type == param.Bool && f.On():
		return "yes"
	case f.Type == param.Bool:
		return "no"
	}
	for _, o := range f.Options {
		if o.Value == f.Text {
			return o.Label
		}
	}
	if f.Type == param.Text {
		return f.Text
	}
	return grouped(f.Text)
}

// On reports whether a checkbox is ticked.
func (f field) On() bool { return f.Text == "true" }

// Whole reports whether the number has no decimals, for the keyboard of a
// phone.
func (f field) Whole() bool { return f.Type == param.Int }

// fieldGroup is fields under one heading, which may be "".
type fieldGroup struct {
	Title  string
	Fields []field
}

// paramPrefix keeps the names of parameters apart from the form's own.
const paramPrefix = "p-"

// nameUnits gives the fields that count a currency the name of the market's.
func nameUnits(groups []fieldGroup, m market) {
	for _, g := range groups {
		for i := range g.Fields {
			f := &g.Fields[i]
			if f.Unit == param.UnitCounter || f.Unit == param.UnitBase {
				f.InCurrency = f.Unit
			}
			if f.InCurrency != "" {
				f.Unit = param.UnitIn(f.InCurrency, m.Base, m.Counter)
			}
		}
	}
}

// Wide reports whether the field wants a row of its own, as sentences and expressions do.
func (f field) Wide() bool { return f.Type == param.Text && f.Input != "select" }

// offerPairs lets parameters that name a market choose from those that there are.
func offerPairs(groups []fieldGroup, pairs []string) {
	for _, g := range groups {
		for i := range g.Fields {
			f := &g.Fields[i]
			if f.Kind != param.Pair {
				continue
			}
			f.Input, f.Options = "select", pairOptions(pairs, f.Text)
		}
	}
}

// pairOptions are none and the pairs; one that is chosen and is not there stays, so
// that its fault can be seen.
func pairOptions(pairs []string, chosen string) []param.Option {
	out := []param.Option{{Value: "", Label: "none"}}
	for _, pair := range pairs {
		out = append(out, param.Option{Value: pair, Label: pair})
	}
	if chosen != "" && !slices.Contains(pairs, chosen) {
		out = append(out, param.Option{Value: chosen, Label: chosen})
	}
	return out
}

// fieldGroups makes the controls of a schema in its order; texts holds values
// by name and lacks those that are at their default.
func fieldGroups(s *param.Schema, texts map[string]string, bad faults) []fieldGroup {
	var groups []fieldGroup
	for _, f := range s.Fields() {
		c := field{Field: f, Key: paramPrefix + f.Name, Text: f.DefaultText(), Bounds: bounds(f), Fault: bad["parameters/"+f.Name]}
		if text, ok := texts[f.Name]; ok {
			c.Text = text
		}
		if n := len(groups); n == 0 || groups[n-1].Title != f.Group {
			groups = append(groups, fieldGroup{Title: f.Group})
		}
		last := &groups[len(groups)-1]
		last.Fields = append(last.Fields, c)
	}
	return groups
}

// askedFor are fieldGroups without the parameters that the form's own bounds double,
// unless they are set or at fault.
func askedFor(s *param.Schema, texts map[string]string, bad faults) []fieldGroup {
	groups := fieldGroups(s, texts, bad)
	for i := range groups {
		groups[i].Fields = slices.DeleteFunc(groups[i].Fields, func(f field) bool {
			return f.Bound != "" && f.Text == f.DefaultText() && f.Fault == ""
		})
	}
	return slices.DeleteFunc(groups, func(g fieldGroup) bool { return len(g.Fields) == 0 })
}

// lacking says at the controls which of them take what the plan does not include.
func (w *Web) lacking(rq *request, groups []fieldGroup) error {
	for _, g := range groups {
		for i := range g.Fields {
			for _, need := range bot.Needed(g.Fields[i].Needs) {
				_, _, refusal, err := w.included(rq, need)
				if err != nil {
					return err
				}
				g.Fields[i].Refusal = refusal
			}
		}
	}
	return nil
}

func bounds(f param.Field) string {
	switch {
	case f.Min != "" && f.Max != "":
		return exchange.Grouped(f.Min) + " to " + exchange.Grouped(f.Max)
	case f.Min != "":
		return "at least " + exchange.Grouped(f.Min)
	case f.Max != "":
		return "at most " + exchange.Grouped(f.Max)
	}
	return ""
}
