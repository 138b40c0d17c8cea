package web

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/saas/research"
	"github.com/lunobot/lunobot/strategy/backtest/search"
	"github.com/lunobot/lunobot/strategy/param"
)

// rangeForm is what stands beside one parameter that may be varied, as texts.
type rangeForm struct {
	// On says that it is varied.
	On bool
	// From, To and Step are those of a number or a time; without To, From holds
	// values with commas between.
	From, To, Step string
	// Picks are the values chosen from those that there are.
	Picks []string
}

// rangeField is a parameter with the controls of its range.
type rangeField struct {
	field
	Range rangeForm
	// Choices are the values to choose from; none for a number, a time or a text.
	Choices []rangeChoice
	Fault   string
}

// rangeChoice is a value that may be tried.
type rangeChoice struct {
	param.Option
	On bool
}

// Spans reports whether a range has ends and a step.
func (f rangeField) Spans() bool { return spans(f.Field) }

func spans(f param.Field) bool {
	return len(f.Options) == 0 && (f.Type == param.Int || f.Type == param.Float || f.Type == param.Decimal || f.Type == param.Duration)
}

// choosable are the values that a parameter chooses from.
func choosable(f param.Field) []param.Option {
	if f.Type == param.Bool {
		return []param.Option{{Value: "false", Label: "no"}, {Value: "true", Label: "yes"}}
	}
	return slices.DeleteFunc(slices.Clone(f.Options), func(o param.Option) bool { return o.Value == "" })
}

// readRanges takes the ranges out of a request.
func readRanges(sent url.Values, s Strategy) map[string]rangeForm {
	ranges := map[string]rangeForm{}
	if s.Schema == nil {
		return ranges
	}
	get := func(key string) string { return strings.TrimSpace(sent.Get(key)) }
	for _, f := range s.Schema.Fields() {
		r := rangeForm{
			On: slices.Contains(sent["vary"], f.Name), From: get("from-" + f.Name), To: get("to-" + f.Name), Step: get("step-" + f.Name),
			Picks: sent["pick-"+f.Name],
		}
		if r.On || r.From != "" || r.To != "" || r.Step != "" || len(r.Picks) > 0 {
			ranges[f.Name] = r
		}
	}
	return ranges
}

// rangesOf reads ranges as package search writes them.
func rangesOf(list []string) map[string]rangeForm {
	ranges := map[string]rangeForm{}
	for _, text := range list {
		name, values, _ := strings.Cut(text, "=")
		r := rangeForm{On: true, From: values, Picks: strings.Split(values, ",")}
		if parts := strings.SplitN(values, ":", 3); len(parts) > 1 {
			r.From, r.To = parts[0], parts[1]
			if len(parts) > 2 {
				r.Step = parts[2]
			}
		}
		ranges[name] = r
	}
	return ranges
}

// text writes the range of a parameter as package search reads it.
func (r rangeForm) text(f param.Field) string {
	switch {
	case f.Type == param.Bool || len(f.Options) > 0:
		return f.Name + "=" + strings.Join(r.Picks, ",")
	case f.Kind == param.Pair && len(r.Picks) > 0:
		return f.Name + "=" + strings.Join(r.Picks, ",")
	case !spans(f) || r.To == "" && r.Step == "":
		return f.Name + "=" + r.From
	case r.Step == "":
		return f.Name + "=" + r.From + ":" + r.To
	}
	return f.Name + "=" + r.From + ":" + r.To + ":" + r.Step
}

// texts writes the ranges that are on in the order of the parameters, and notes what
// is wrong with each.
func texts(ranges map[string]rangeForm, s Strategy, bad faults) []string {
	var list []string
	if s.Schema == nil {
		return nil
	}
	for _, f := range s.Schema.Fields() {
		r := ranges[f.Name]
		if !r.On {
			continue
		}
		text := r.text(f)
		list = append(list, text)
		if _, err := search.NewSpace(search.SpaceConfig{Ranges: []string{text}, Schema: s.Schema}); err != nil {
			reason := strings.TrimPrefix(err.Error(), "range "+text+": ")
			bad["search/ranges/"+f.Name] = sentence(reason)
		}
	}
	return list
}

// suggested is the range that a parameter begins with: from half of its value to
// twice as much within its bounds, in about five steps.
func suggested(f field) rangeForm {
	var r rangeForm
	value, err := decimal.NewFromString(f.Text)
	if !spans(f.Field) || f.Type == param.Duration || err != nil || !value.IsPositive() {
		return r
	}
	two := decimal.NewFromInt(2)
	from, to := value.Div(two), value.Mul(two)
	if least, err := decimal.NewFromString(f.Min); err == nil {
		from = decimal.Max(from, least)
	}
	if most, err := decimal.NewFromString(f.Max); err == nil {
		to = decimal.Min(to, most)
	}
	step := to.Sub(from).Div(decimal.NewFromInt(5))
	places := int32(0)
	if f.Type != param.Int {
		places = max(2, -value.Exponent())
	}
	from, to, step = from.Truncate(places), to.Truncate(places), step.Truncate(places)
	if f.Type == param.Int {
		step = decimal.Max(step, decimal.NewFromInt(1))
	}
	if !step.IsPositive() || !from.LessThan(to) {
		return r
	}
	return rangeForm{From: from.String(), To: to.String(), Step: step.String()}
}

// firstVaried is how many parameters are varied unless somebody chooses others.
const firstVaried = 2

// Ranges are the parameters of the chosen strategy with the controls of their
// ranges. Until somebody chooses, the first that have a suggestion are varied, so that a
// sweep can be run at once.
func (p testPage) Ranges() []rangeField {
	var out []rangeField
	untouched, varied := len(p.Test.Search.Ranges) == 0, 0
	for _, g := range p.Groups {
		for _, f := range g.Fields {
			r, given := p.Test.Search.Ranges[f.Name]
			if !given {
				r = suggested(f)
				r.On = untouched && varied < firstVaried && r.Step != ""
			}
			if r.On {
				varied++
			}
			row := rangeField{field: f, Range: r, Fault: p.Faults["search/ranges/"+f.Name]}
			for _, o := range choosable(f.Field) {
				row.Choices = append(row.Choices, rangeChoice{o, slices.Contains(r.Picks, o.Value) || !given})
			}
			out = append(out, row)
		}
	}
	return out
}

// Varied is what a sweep or a walk-forward tries of a parameter, in words for the summary;
// "" if it keeps the value of the form.
func (p testPage) Varied(name string) string {
	if p.Test.Search.Kind == string(research.Backtest) || !p.Advanced {
		return ""
	}
	for _, f := range p.Ranges() {
		r := f.Range
		switch {
		case f.Name != name || !r.On:
		case len(f.Choices) > 0:
			var labels []string
			for _, c := range f.Choices {
				if c.On {
					labels = append(labels, c.Label)
				}
			}
			return strings.Join(labels, ", ")
		case f.Spans() && r.To != "":
			return grouped(r.From) + " to " + grouped(r.To)
		default:
			return r.From
		}
	}
	return ""
}

// RangesFault is what is wrong with the ranges together; "" if one of them is wrong
// by itself.
func (p testPage) RangesFault() string {
	for place := range p.Faults {
		if strings.HasPrefix(place, "search/ranges/") {
			return ""
		}
	}
	if p.Faults["search/ranges"] != "" && len(p.Test.Search.on()) == 0 {
		return "Choose at least one parameter to vary."
	}
	return cmp.Or(p.Faults["search/ranges"], p.Faults["search"])
}

// on lists the names of the parameters that are varied.
func (f searchForm) on() []string {
	var names []string
	for name, r := range f.Ranges {
		if r.On {
			names = append(names, name)
		}
	}
	return names
}
