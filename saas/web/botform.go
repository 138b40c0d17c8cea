package web

import (
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/strategy/param"
)

// botForm is what stands in the form of a bot, as texts.
type botForm struct {
	Name, Pair, Strategy string
	Also                 []string // the further pairs, "" where none is chosen
	AlsoMost             []string // the largest positions in them
	Pin                  string   // the version; "" for that which a new bot gets
	Interval             string
	Isolation            string // a catalog.Isolation
	Balance              string
	Limits               boundsForm
	// Version is that of the configuration that is being changed, as text.
	Version string
	// Params are the parameters' texts by name.
	Params map[string]string
}

// readForm takes the form out of what was sent; the strategy says which parameters
// there are.
func readForm(sent url.Values, s Strategy) botForm {
	f := botForm{
		Name: sent.Get("name"), Pair: sent.Get("pair"), Also: sent["also"], AlsoMost: sent["also_most"], Strategy: sent.Get("strategy"), Pin: sent.Get("pin"), Interval: sent.Get("interval"), Isolation: sent.Get("isolation"),
		Balance: sent.Get("balance"), Limits: readBounds(sent),
		Version: sent.Get("version"), Params: map[string]string{},
	}
	if s.Schema == nil {
		return f
	}
	for _, p := range s.Schema.Fields() {
		if given := sent[paramPrefix+p.Name]; len(given) > 0 {
			f.Params[p.Name] = given[len(given)-1]
		}
	}
	return f
}

// formOf fills the form with a configuration.
func formOf(c bot.Config, s Strategy) botForm {
	f := botForm{
		Name: c.Name, Pair: c.Pair, Also: c.Also, Strategy: c.Strategy, Pin: c.StrategyVersion, Interval: bot.IntervalName(c.Interval), Isolation: string(c.Isolation), Balance: c.Balance.String(),
		Limits: boundsOf(c.Risk), Version: decimal.NewFromInt(c.Version).String(), Params: map[string]string{},
	}
	f.AlsoMost = textsOf(c.Also, c.Risk.MaxPositions)
	f.fill(c.Parameters, s)
	return f
}

// textsOf writes amounts by pair in the order of pairs, "" for none.
func textsOf(pairs []string, amounts map[string]decimal.Decimal) []string {
	out := make([]string, len(pairs))
	for i, pair := range pairs {
		out[i] = trimmed(amounts[pair])
	}
	return out
}

// byPair reads amounts of the further pairs that are chosen; those that are no numbers
// are faults below a place. Nil if there is none.
func (f botForm) byPair(texts []string, place string, bad faults) map[string]decimal.Decimal {
	var out map[string]decimal.Decimal
	for i, pair := range f.Also {
		if pair == "" || i >= len(texts) || strings.TrimSpace(texts[i]) == "" {
			continue
		}
		if out == nil {
			out = map[string]decimal.Decimal{}
		}
		out[pair] = bad.number(texts[i], place+"/"+pair)
	}
	return out
}

// fill puts parameters into the form.
func (f botForm) fill(parameters json.RawMessage, s Strategy) {
	var given map[string]json.RawMessage
	if s.Schema == nil || json.Unmarshal(parameters, &given) != nil {
		return
	}
	for _, p := range s.Schema.Fields() {
		if raw, ok := given[p.Name]; ok {
			f.Params[p.Name] = p.Text(raw)
		}
	}
}

// input turns the texts into what the service takes; texts that are no numbers
// are faults, at the same places where the service would put its own.
func (f botForm) input(s Strategy) (bot.CreateInput, faults) {
	bad := faults{}
	balance := bad.number(f.Balance, "balance")
	in := bot.CreateInput{
		Name: f.Name, Pair: f.Pair, Also: f.Further(), Strategy: f.Strategy, StrategyVersion: f.Pin, Isolation: catalog.Isolation(f.Isolation), Mode: bot.Paper, Interval: bot.ParseInterval(f.Interval), Balance: &balance,
		Risk: f.Limits.risk(bad),
	}
	in.Risk.MaxPositions = f.byPair(f.AlsoMost, positionPlace, bad)
	if s.Schema != nil {
		in.Parameters = s.Schema.FromTexts(f.Params)
	}
	return in, bad
}

// The places of faults of what each further pair has of its own.
const (
	positionPlace = "risk/max_positions"
	holdingPlace  = "holdings"
)

// Bounds are the largest positions of the further pairs that are chosen and have one.
func (f botForm) Bounds() []pairAmount { return amountsOf(f.Also, f.AlsoMost) }

// pairAmount is an amount of a further pair, as text.
type pairAmount struct{ Pair, Text string }

func amountsOf(pairs, texts []string) (out []pairAmount) {
	for i, pair := range pairs {
		if pair != "" && i < len(texts) && texts[i] != "" {
			out = append(out, pairAmount{pair, texts[i]})
		}
	}
	return out
}

// Further are the further pairs that are chosen; nil if the form does not ask.
func (f botForm) Further() []string {
	return slices.DeleteFunc(slices.Clone(f.Also), func(pair string) bool { return pair == "" })
}

// pairSelect is a control that chooses a further pair.
type pairSelect struct {
	// Key is the control's id.
	Key     string
	Options []param.Option
	Chosen  string
	Fault   string
	// Most is the largest position in it.
	Most, MostFault string
	// Holding is what is held of it to begin with; Holds says that the form asks.
	Holding, HoldingFault string
	Holds                 bool
}

// furtherSelects are the controls of the further pairs: as many as a bot may have and
// there are pairs beside its own.
func (f botForm) furtherSelects(pairs []string, bad faults) []pairSelect {
	count := max(min(len(pairs)-1, bot.MaxFurtherPairs), len(f.Also))
	out := make([]pairSelect, count)
	nth := 0
	for i := range out {
		s := &out[i]
		s.Key = "also-" + strconv.Itoa(i)
		if i < len(f.Also) {
			s.Chosen = f.Also[i]
		}
		if i < len(f.AlsoMost) {
			s.Most = f.AlsoMost[i]
		}
		if s.Chosen != "" {
			s.Fault = bad["further_pairs/"+strconv.Itoa(nth)]
			s.MostFault = bad[positionPlace+"/"+s.Chosen]
			nth++
		}
		s.Options = pairOptions(pairs, s.Chosen)
	}
	return out
}

// number reads a text as a plain number; an empty one is 0, and what is none is a
// fault at the place.
func (f faults) number(text, place string) decimal.Decimal {
	text = plainNumber(text)
	if text == "" {
		return decimal.Zero
	}
	d, err := decimal.NewFromString(text)
	if err != nil || len(text) > 40 || d.Exponent() < -18 || d.Exponent() > 18 {
		f[place] = "Must be a plain number, such as 2.5."
		return decimal.Zero
	}
	return d
}

// merge adds the service's faults to those of the form, which come first.
func (f faults) merge(more faults) faults {
	for place, reason := range more {
		if _, known := f[place]; !known {
			f[place] = reason
		}
	}
	return f
}
