package rules

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"

	"github.com/lunobot/lunobot/strategy/indicator"
)

// The bounds of what a tenant may write: an expression is input from a stranger.
const (
	maxNodes = 500
	maxSteps = 100
	maxBack  = 1000 // candles that prev looks back
	// maxCandles is how many candles all indicators and looks back of one bot's
	// rules remember together: what they remember is memory of a process that the
	// bots of others share, and is written down with every checkpoint.
	maxCandles = 20_000
)

// scope is what an expression sees. Prices are in the counter currency, volumes
// in the base currency.
type scope struct {
	Open   float64 `expr:"open"`
	High   float64 `expr:"high"`
	Low    float64 `expr:"low"`
	Close  float64 `expr:"close"`
	Volume float64 `expr:"volume"`
	// Hour and Weekday are those of the candle's close, UTC; Sunday is 0.
	Hour    int `expr:"hour"`
	Weekday int `expr:"weekday"`
	// Holding is true while there is a position that could be sold; Entry is its
	// average price with fees, Profit what it has gained in percent, Held how many
	// candles ago it was bought. All are 0 without one.
	Holding bool    `expr:"holding"`
	Entry   float64 `expr:"entry"`
	Profit  float64 `expr:"profit"`
	Held    int     `expr:"held"`
	// Values and Truths are what the steps have found; expressions name them by
	// the functions that they stand for.
	Values []float64 `expr:"__v"`
	Truths []bool    `expr:"__t"`
}

// program is a set of rules, compiled: steps that are taken at each candle, and
// the two questions that are asked then.
type program struct {
	steps       []step
	names       []string // of the values, for people
	truths      int
	entry, exit decision
	shown       []shown
}

// shown is a value that is told when a decision is explained.
type shown struct {
	name  string
	value int
	price bool
}

// fault is a mistake in an expression, with its place.
type fault struct {
	line, column int
	text         string
}

// within returns the fault of a part of a text at its place in the whole, in which
// the part begins so many runes from the start.
func (f fault) within(whole string, start int) fault {
	begin := placed(whole, start, "")
	if f.line == 1 {
		f.column += begin.column - 1
	}
	f.line += begin.line - 1
	return f
}

// Error implements error.
func (f fault) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", f.line, f.column, f.text)
}

var (
	namePattern = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)
	errTooMuch  = errors.New("the rules are too long")
	errTooFar   = fmt.Errorf("the periods of all indicators and looks back are more than %d candles together", maxCandles)
)

// builder compiles expressions that share steps.
type builder struct {
	program  program
	catalog  map[string]indicator.Entry
	known    map[string]int // where the lines of an indicator begin, by its call
	lines    map[int]string // the catalog's name by where its lines begin
	defined  map[string]ast.Node
	values   []needs // of each value
	truths   []needs // of each truth
	candles  float64 // that the steps remember together, at most
	problems []fault // of the expression at hand
	source   string
}

func newBuilder() *builder {
	b := &builder{
		catalog: make(map[string]indicator.Entry), known: make(map[string]int), lines: make(map[int]string), defined: make(map[string]ast.Node),
	}
	for _, e := range indicator.Catalog() {
		b.catalog[e.Name] = e
	}
	return b
}

// reserved are the words of the language that can never stand for a value. Names of its
// functions can: they are called with a bracket.
const reserved = " true false nil not and or in matches contains let if else "

// name reports why a custom indicator may not be called so.
func (b *builder) name(name string) error {
	_, taken := b.catalog[name]
	_, twice := b.defined[name]
	taken = taken || twice || strings.Contains(reserved, " "+name+" ")
	for f := range reflect.TypeFor[scope]().Fields() {
		taken = taken || f.Tag.Get("expr") == name
	}
	switch {
	case !namePattern.MatchString(name):
		return fmt.Errorf("the name %q must be lower-case letters, digits and _, at most 32, and begin with a letter", name)
	case taken:
		return fmt.Errorf("the name %s is taken", name)
	}
	return nil
}

// define adds a custom indicator: a name for an expression, which those that
// follow may use.
func (b *builder) define(name, text string) error {
	p, err := b.compile(text)
	if err != nil {
		return err
	}
	kept, err := b.keep(p, name)
	if err == nil {
		b.defined[name] = kept
	}
	return err
}

// keep makes a step that evaluates a compiled expression, and returns the node
// that stands for what it found.
func (b *builder) keep(p *vm.Program, name string) (ast.Node, error) {
	if kind := p.Node().Type(); kind != nil && kind.Kind() == reflect.Bool {
		at := b.truth(b.needsOf(p))
		return truthNode(at), b.add(&question{program: p, at: at}, 0)
	} else if kind == nil || !number(kind.Kind()) {
		return nil, fault{1, 1, "it must be a number or a condition"}
	}
	at := b.value(name, b.needsOf(p))
	b.program.shown = append(b.program.shown, shown{name: name, value: at})
	return valueNode(at), b.add(&figure{program: p, at: at}, 0)
}

func number(k reflect.Kind) bool {
	return k >= reflect.Int && k <= reflect.Float64
}

// value makes room for a value that follows from others.
func (b *builder) value(name string, from needs) int {
	at := len(b.program.names)
	b.program.names = append(b.program.names, name)
	from.add(needs{values: []int{at}})
	b.values = append(b.values, from)
	return at
}

// truth makes room for a truth.
func (b *builder) truth(from needs) int {
	at := b.program.truths
	b.program.truths++
	from.add(needs{truths: []int{at}})
	b.truths = append(b.truths, from)
	return at
}

// decision compiles a condition.
func (b *builder) decision(text string) (d decision, err error) {
	if d.program, err = b.compile(text, expr.AsBool()); err == nil {
		d.needs = b.needsOf(d.program)
	}
	return d, err
}

func (b *builder) add(s step, candles float64) error {
	if len(b.program.steps) >= maxSteps {
		return errTooMuch
	}
	if b.candles += candles; b.candles > maxCandles {
		return errTooFar
	}
	b.program.steps = append(b.program.steps, s)
	return nil
}

// compile compiles an expression; the error is a fault.
func (b *builder) compile(text string, options ...expr.Option) (*vm.Program, error) {
	if i := strings.Index(text, "__"); i >= 0 {
		return nil, placed(text, len([]rune(text[:i])), "__ may not be used")
	}
	b.problems, b.source = nil, text
	p, err := compile(text, append(options, expr.Patch(b))...)
	if len(b.problems) > 0 {
		return nil, b.problems[0]
	}
	return p, err
}

// compile compiles an expression over a scope.
func compile(text string, options ...expr.Option) (*vm.Program, error) {
	options = append([]expr.Option{
		expr.Env(&scope{}), expr.MaxNodes(maxNodes), expr.DisableAllBuiltins(),
		expr.EnableBuiltin("abs"), expr.EnableBuiltin("min"), expr.EnableBuiltin("max"),
	}, options...)
	p, err := expr.Compile(text, options...)
	var wrong *file.Error
	if errors.As(err, &wrong) {
		if wrong.Message == "unexpected token EOF" {
			wrong.Message = "it ends too early"
		}
		return nil, fault{wrong.Line, wrong.Column + 1, wrong.Message}
	}
	if err != nil {
		return nil, fault{1, 1, err.Error()}
	}
	return p, nil
}

// placed makes a fault of a place in runes.
func placed(text string, at int, reason string) fault {
	f := fault{line: 1, column: 1, text: reason}
	for i, r := range []rune(text) {
		if i == at {
			break
		}
		f.column++
		if r == '\n' {
			f.line, f.column = f.line+1, 1
		}
	}
	return f
}

func (b *builder) blame(n ast.Node, format string, args ...any) {
	b.problems = append(b.problems, placed(b.source, n.Location().From, fmt.Sprintf(format, args...)))
}
