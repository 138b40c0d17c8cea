// Package rules is a strategy without code: it buys when one expression holds
// and sells when another does. Expressions are written in a small language over
// the candle, the position, the indicators of package indicator and indicators
// of the tenant's own, and are compiled once.
package rules

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/param"
)

// Params are what a tenant writes.
type Params struct {
	Define string  `param:"define" needs:"custom_indicators" label:"Your own indicators" validate:"max=2000" help:"Names for expressions, such as: trend = ema(50) - ema(200); dip = rsi(14) < 35"`
	Entry  string  `param:"entry" label:"Buy when" validate:"required,max=1000" help:"A condition, such as: crossover(ema(10), ema(30)) && close > sma(200)"`
	Exit   string  `param:"exit" label:"Sell when" validate:"required,max=1000" help:"A condition; holding, entry, profit and held tell of the position."`
	Size   int     `param:"size" label:"Size of a buy" unit:"% of the free cash" validate:"min=1,max=100"`
	Stop   float64 `param:"stop" bound:"stop_loss" label:"Stop-loss" unit:"% below entry" validate:"min=0,max=99" step:"0.1" help:"0 is none."`
	Target float64 `param:"target" bound:"take_profit" label:"Take-profit" unit:"% above entry" validate:"min=0,max=1000" step:"0.1" help:"0 is none."`
}

// Definition returns the strategy.
func Definition() strategy.Definition {
	return strategy.MustDefine(strategy.Info{
		Name: "rules", Version: "1.1.0", Title: "Your own rules",
		Summary: "Buys and sells by conditions that you write, over 44 indicators and your own: no code needed.",
	}, Params{
		Entry: "crossover(ema(10), ema(30)) && rsi(14) < 70", Exit: "crossunder(ema(10), ema(30)) || rsi(14) > 80", Size: 100,
	}, open)
}

// Check implements strategy.Checker.
func (p Params) Check() error {
	_, err := p.compile()
	return err
}

// compile compiles the rules; the error is param.Errors.
func (p Params) compile() (*program, error) {
	b := newBuilder()
	var faults param.Errors
	blame := func(name, before string, err error) {
		if err != nil {
			faults = append(faults, param.Error{Name: name, Reason: before + err.Error()})
		}
	}
	start := 0 // of the part, in runes
	for _, text := range strings.Split(p.Define, ";") {
		if strings.TrimSpace(text) != "" {
			name, err := p.define(b, text, start)
			blame("define", "has a fault in "+name, err)
		}
		start += utf8.RuneCountInString(text) + 1
	}
	var err error
	b.program.entry, err = b.decision(p.Entry)
	blame("entry", "has a fault in ", err)
	b.program.exit, err = b.decision(p.Exit)
	blame("exit", "has a fault in ", err)
	if len(faults) > 0 {
		return nil, faults
	}
	return &b.program, nil
}

// define adds one part of Define, which begins so many runes from its start. The
// name is what a fault is in, as far as it has one.
func (p Params) define(b *builder, text string, start int) (name string, err error) {
	before, body, ok := strings.Cut(text, "=")
	name = strings.TrimSpace(before)
	at := start + leading(text)
	if !ok || strings.HasPrefix(body, "=") {
		return "", placed(p.Define, at, strings.TrimSpace(text)+" is not written as name = expression")
	}
	if err := b.name(name); err != nil {
		return "", placed(p.Define, at, err.Error())
	}
	at = start + utf8.RuneCountInString(before) + 1 + leading(body)
	err = b.define(name, strings.TrimSpace(body))
	var wrong fault
	if errors.As(err, &wrong) {
		err = wrong.within(p.Define, at)
	}
	return name + ": ", err
}

// leading is how many runes of white space a text begins with.
func leading(text string) int {
	return utf8.RuneCountInString(text) - utf8.RuneCountInString(strings.TrimLeftFunc(text, unicode.IsSpace))
}

// ruled is the strategy with its state, which it saves itself.
type ruled struct {
	params  Params
	program *program
	machine machine
	held    int
	warmup  int
	broken  error
}

var _ strategy.Snapshotter = (*ruled)(nil)

func open(p Params) strategy.Strategy {
	r := &ruled{params: p}
	if r.program, r.broken = p.compile(); r.broken == nil {
		r.machine = r.program.machine()
		r.warmup = warmupOf(p)
	}
	return r
}

func (p *program) machine() machine {
	m := machine{tick: 1, step: 1}
	m.scope.Values, m.scope.Truths, m.failed = make([]float64, len(p.names)), make([]bool, p.truths), make([]bool, p.truths)
	for i := range m.scope.Values {
		m.scope.Values[i] = math.NaN()
	}
	return m
}

// maxWarmup bounds how many candles of the past are asked for.
const maxWarmup = 5000

// warmupOf tries how many candles the rules need until every value is there.
// Averages that never forget get as many again.
func warmupOf(p Params) int {
	trial, err := p.compile()
	if err != nil {
		return 0
	}
	m := trial.machine()
	for i := range maxWarmup / 2 {
		price := exchange.Ticks(1000 + i%7)
		c := exchange.Candle{Time: int64(i) * time.Hour.Milliseconds(), Open: price, High: price + 2, Low: price - 2, Close: price + 1, Volume: 10}
		_ = trial.advance(&m, c) // what fails without a weekday need not fail with one
		if m.ready(trial.entry.needs) && m.ready(trial.exit.needs) {
			return 2 * (i + 1)
		}
	}
	return maxWarmup
}

// Warmup implements strategy.Warmer.
func (r *ruled) Warmup() int { return r.warmup }

// advance takes the steps of a candle, all of them: an indicator misses no candle
// because an expression before it could not be evaluated. The error is the first.
func (p *program) advance(m *machine, c exchange.Candle) (err error) {
	s := &m.scope
	s.Open, s.High, s.Low, s.Close = c.Open.Float()*m.tick, c.High.Float()*m.tick, c.Low.Float()*m.tick, c.Close.Float()*m.tick
	s.Volume = c.Volume.Float() * m.step
	for _, one := range p.steps {
		err = cmp.Or(err, one.take(m, c))
	}
	return err
}

// ready reports whether everything is there that a condition looks at.
func (m *machine) ready(n needs) bool { return m.missing(n) < 0 && !m.fails(n) }

// missing returns the first value that is not there, -1 if all are.
func (m *machine) missing(n needs) int {
	for _, i := range n.values {
		if math.IsNaN(m.scope.Values[i]) {
			return i
		}
	}
	return -1
}

// fails reports whether a truth could not be found out.
func (m *machine) fails(n needs) bool {
	return slices.ContainsFunc(n.truths, func(i int) bool { return m.failed[i] })
}

// OnCandle implements strategy.CandleHandler.
func (r *ruled) OnCandle(b *strategy.Bot, c exchange.Candle) {
	if r.broken != nil {
		b.Note("the rules cannot be read: %v", r.broken)
		return
	}
	m, s := &r.machine, &r.machine.scope
	market := b.Market()
	m.tick, m.step = market.Tick.InexactFloat64(), market.Step.InexactFloat64()
	s.Hour, s.Weekday = b.Now().Hour(), int(b.Now().Weekday())
	r.position(b, c)
	failed := r.program.advance(m, c)
	if s.Holding && (r.params.Stop > 0 && b.Exits().Stop == 0 || r.params.Target > 0 && b.Exits().Target == 0) {
		r.protect(b) // an earlier run left the position
	}
	if failed != nil {
		b.Note("the rules could not be evaluated: %v", failed)
	}
	r.plot(b)
	question, answer := r.program.entry, "buy"
	if s.Holding {
		question, answer = r.program.exit, "sell"
	}
	if !m.ready(question.needs) {
		if i := m.missing(question.needs); i >= 0 && failed == nil && b.Explaining() {
			b.Note("waiting to %s: %s has no value yet, or none at this candle", answer, r.program.names[i])
		}
		return
	}
	out, err := m.run(question.program)
	yes, _ := out.(bool)
	switch {
	case err != nil:
		b.Note("the rules could not be evaluated: %v", err)
	case !yes:
		if b.Explaining() {
			b.Note("waiting to %s: %s", answer, r.told(b))
		}
	case s.Holding:
		r.because(b, b.SellAll(), "exit")
	case len(b.Orders()) > 0:
		b.Note("the entry rule holds, and an order is under way already")
	default:
		r.because(b, b.BuyWith(r.share(b.FreeCounter())), "entry")
	}
}

// position tells the rules of the position.
func (r *ruled) position(b *strategy.Bot, c exchange.Candle) {
	s := &r.machine.scope
	s.Holding, s.Entry, s.Profit = b.Position() >= max(1, b.Market().MinVolume), 0, 0
	if !s.Holding {
		r.held, s.Held = 0, 0
		return
	}
	r.held++
	s.Held = r.held
	if entry := b.Entry(); entry > 0 {
		s.Entry = entry * r.machine.tick
		s.Profit = 100 * (c.Close.Float() - entry) / entry
	}
}

// share returns the part of the cash that a buy spends.
func (r *ruled) share(cash exchange.Units) exchange.Units {
	part, err := exchange.MulDiv(int64(cash), int64(r.params.Size), 100)
	if err != nil {
		return 0 // cannot be: the part is not larger than the whole
	}
	return exchange.Units(part)
}

// OnFill implements strategy.FillHandler: a buy sets the exits.
func (r *ruled) OnFill(b *strategy.Bot, f strategy.Fill) {
	if f.Side == exchange.Buy {
		r.protect(b)
	}
}

// protect sets the exits by the average price that was paid.
func (r *ruled) protect(b *strategy.Bot) {
	entry := b.Entry()
	if entry <= 0 || r.params.Stop == 0 && r.params.Target == 0 {
		return
	}
	var e strategy.Exits
	if r.params.Stop > 0 {
		e.Stop = exchange.Ticks(entry * (1 - r.params.Stop/100))
	}
	if r.params.Target > 0 {
		e.Target = exchange.Ticks(math.Ceil(entry * (1 + r.params.Target/100)))
	}
	b.SetExits(e)
}

// mostPlots is how many lines are drawn: nobody tells more of them apart.
const mostPlots = 20

// plot draws the first values that are prices.
func (r *ruled) plot(b *strategy.Bot) {
	if !b.Explaining() {
		return
	}
	drawn := 0
	for _, v := range r.program.shown {
		if v.price && drawn < mostPlots {
			b.Plot(v.name, r.machine.scope.Values[v.value]/r.machine.tick)
			drawn++
		}
	}
}

func (r *ruled) because(b *strategy.Bot, o strategy.Order, rule string) {
	if !b.Explaining() {
		return
	}
	if o.Ref() == 0 {
		b.Note("the %s rule holds, but there is nothing to trade with: %s", rule, r.told(b))
		return
	}
	o.Because("the %s rule holds: %s", rule, r.told(b))
}

// told lists the values that the rules look at.
func (r *ruled) told(b *strategy.Bot) string {
	s := &r.machine.scope
	parts := []string{"close " + b.Price(s.Close/r.machine.tick)}
	for _, v := range r.program.shown[:min(len(r.program.shown), 6)] {
		text := fmt.Sprintf("%.4g", s.Values[v.value])
		if v.price {
			text = b.Price(s.Values[v.value] / r.machine.tick)
		}
		parts = append(parts, v.name+" "+text)
	}
	return strings.Join(parts, ", ")
}

// errOther means that a state is of other rules.
var errOther = errors.New("the state is of other rules")

// saved is the state of a ruled.
type saved struct {
	Held  int               `json:"held"`
	Steps []json.RawMessage `json:"steps"`
}

// SaveState implements strategy.Snapshotter.
func (r *ruled) SaveState() (json.RawMessage, error) {
	s := saved{Held: r.held}
	if r.broken == nil {
		for _, one := range r.program.steps {
			raw, err := json.Marshal(one.state())
			if err != nil {
				return nil, err
			}
			s.Steps = append(s.Steps, raw)
		}
	}
	return json.Marshal(s)
}

// RestoreState implements strategy.Snapshotter.
func (r *ruled) RestoreState(version int, data json.RawMessage) error {
	var s saved
	if version != 1 {
		return fmt.Errorf("the state has version %d and this strategy reads version 1", version)
	}
	if err := json.Unmarshal(data, &s); err != nil {
		return err
	}
	if r.broken != nil || len(s.Steps) != len(r.program.steps) {
		return errOther
	}
	for i, one := range r.program.steps {
		if err := json.Unmarshal(s.Steps[i], one.state()); err != nil {
			return err
		}
	}
	r.held = s.Held
	return nil
}
