package rules

import (
	"errors"
	"fmt"
	"math"
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
	// Holding is true while there is a position; Entry is its average price with
	// fees, Profit what it has gained in percent, Held how many candles ago it
	// was bought. All are 0 without one.
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
	values      int
	truths      int
	entry, exit *vm.Program
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

// define adds a custom indicator: a name for an expression, which those that
// follow may use.
func (b *builder) define(name, text string) error {
	_, taken := b.catalog[name]
	_, twice := b.defined[name]
	reserved := taken || twice || name == "prev" || name == "crossover" || name == "crossunder"
	for f := range reflect.TypeFor[scope]().Fields() {
		reserved = reserved || f.Tag.Get("expr") == name
	}
	switch {
	case !namePattern.MatchString(name):
		return fmt.Errorf("the name %q must be lower-case letters, digits and _, at most 32, and begin with a letter", name)
	case reserved:
		return fmt.Errorf("the name %s is taken", name)
	}
	p, err := b.compile(text)
	if err != nil {
		return err
	}
	b.defined[name], err = b.keep(p, name)
	return err
}

// keep makes a step that evaluates a compiled expression, and returns the node
// that stands for what it found.
func (b *builder) keep(p *vm.Program, name string) (ast.Node, error) {
	if kind := p.Node().Type(); kind != nil && kind.Kind() == reflect.Bool {
		at := b.truth()
		return truthNode(at), b.add(&question{program: p, at: at}, 0)
	} else if kind == nil || !number(kind.Kind()) {
		return nil, fault{1, 1, "it must be a number or a condition"}
	}
	at := b.value()
	if name != "" {
		b.program.shown = append(b.program.shown, shown{name: name, value: at})
	}
	return valueNode(at), b.add(&figure{program: p, at: at}, 0)
}

func number(k reflect.Kind) bool {
	return k >= reflect.Int && k <= reflect.Float64
}

func (b *builder) value() int {
	b.program.values++
	return b.program.values - 1
}

func (b *builder) truth() int {
	b.program.truths++
	return b.program.truths - 1
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

// foreign names what the language of the rules does not have though expr has it:
// lists, ranges and functions over them, texts to search, variables. A condition
// of few words could otherwise loop for hours in a process that it shares with
// the bots of others. It is empty for what the language has.
func foreign(n ast.Node) string {
	switch n := n.(type) {
	case *ast.IdentifierNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.StringNode,
		*ast.MemberNode, *ast.CallNode, *ast.UnaryNode, *ast.ConditionalNode:
		return ""
	case *ast.BinaryNode:
		switch n.Operator {
		case "+", "-", "*", "/", "%", "**", "^", "<", "<=", "==", "!=", ">=", ">", "&&", "and", "||", "or":
			return ""
		}
		return n.Operator
	case *ast.BuiltinNode:
		switch n.Name {
		case "abs", "min", "max":
			return ""
		}
		return n.Name
	case *ast.ArrayNode:
		return "a list"
	}
	return n.String()
}

// Visit implements ast.Visitor: it replaces the functions of the language by
// what the steps find. Arguments are visited before their function.
func (b *builder) Visit(node *ast.Node) {
	if what := foreign(*node); what != "" {
		b.blame(*node, "%s is not part of the language", what)
		return
	}
	switch n := (*node).(type) {
	case *ast.IdentifierNode:
		if d, ok := b.defined[n.Value]; ok {
			ast.Patch(node, copyOf(d))
		}
	case *ast.MemberNode:
		b.line(node, n)
	case *ast.CallNode:
		name, ok := n.Callee.(*ast.IdentifierNode)
		if !ok {
			return
		}
		switch entry, known := b.catalog[name.Value]; {
		case known:
			b.indicator(node, n, entry)
		case name.Value == "prev":
			b.previous(node, n)
		case name.Value == "crossover" || name.Value == "crossunder":
			b.cross(node, n, name.Value == "crossover")
		}
	}
}

// line picks a named line of an indicator, such as macd().signal.
func (b *builder) line(node *ast.Node, n *ast.MemberNode) {
	property, ok := n.Property.(*ast.StringNode)
	of, ok2 := n.Node.(*ast.MemberNode)
	if !ok || !ok2 {
		return
	}
	index, ok := of.Property.(*ast.IntegerNode)
	if name, ok2 := b.lines[indexOf(index)]; ok && ok2 {
		for i, line := range b.catalog[name].Lines {
			if line == property.Value {
				ast.Patch(node, valueNode(index.Value+i))
				return
			}
		}
		b.blame(property, "%s has no line %s: it has %s", name, property.Value, strings.Join(b.catalog[name].Lines, ", "))
	}
}

func indexOf(n *ast.IntegerNode) int {
	if n == nil {
		return -1
	}
	return n.Value
}

// indicator makes the step of an indicator, once for the same numbers.
func (b *builder) indicator(node *ast.Node, n *ast.CallNode, e indicator.Entry) {
	args, candles := make([]float64, len(n.Arguments)), 0.0
	for i, a := range n.Arguments {
		x, ok := constant(a)
		if !ok {
			b.blame(a, "%s takes plain numbers only", e.Name)
			return
		}
		args[i] = x
		candles += math.Abs(x)
	}
	call := n.String()
	at, ok := b.known[call]
	if !ok {
		stream, err := e.New(args...)
		if err != nil {
			b.blame(n, "%v", err)
			return
		}
		at = b.program.values
		b.program.values += len(e.Lines)
		if err := b.add(&line{Stream: stream, entry: e, at: at}, candles); err != nil {
			b.blame(n, "%v", err)
			return
		}
		b.known[call], b.lines[at] = at, e.Name
		b.program.shown = append(b.program.shown, shown{name: call, value: at, price: e.Units[0] == indicator.Price})
	}
	ast.Patch(node, valueNode(at))
}

// constant returns the value of a node that is a number.
func constant(n ast.Node) (float64, bool) {
	switch n := n.(type) {
	case *ast.IntegerNode:
		return float64(n.Value), true
	case *ast.FloatNode:
		return n.Value, true
	case *ast.UnaryNode:
		x, ok := constant(n.Node)
		if n.Operator == "-" {
			x = -x
		}
		return x, ok && (n.Operator == "-" || n.Operator == "+")
	}
	return math.NaN(), false
}

// previous makes the steps of prev(x) and prev(x, candles).
func (b *builder) previous(node *ast.Node, n *ast.CallNode) {
	back := 1.0
	if len(n.Arguments) == 2 {
		var ok bool
		if back, ok = constant(n.Arguments[1]); !ok || back != math.Trunc(back) || back < 1 || back > maxBack {
			b.blame(n.Arguments[1], "prev looks back a whole number of candles from 1 to %d", maxBack)
			return
		}
	} else if len(n.Arguments) != 1 {
		b.blame(n, "prev takes an expression and, if wanted, a number of candles")
		return
	}
	p := b.part(n.Arguments[0])
	if p == nil {
		return
	}
	at := b.value()
	if err := b.add(newPast(p, at, int(back)), back); err != nil {
		b.blame(n, "%v", err)
		return
	}
	ast.Patch(node, valueNode(at))
}

// cross makes the step of crossover(a, b) or crossunder(a, b).
func (b *builder) cross(node *ast.Node, n *ast.CallNode, up bool) {
	if len(n.Arguments) != 2 {
		b.blame(n, "a cross takes two expressions")
		return
	}
	one, two := b.part(n.Arguments[0]), b.part(n.Arguments[1])
	if one == nil || two == nil {
		return
	}
	at := b.truth()
	if err := b.add(&crossing{one: one, two: two, at: at, up: up}, 0); err != nil {
		b.blame(n, "%v", err)
		return
	}
	ast.Patch(node, truthNode(at))
}

// part compiles an argument, whose functions have been replaced, by itself; it
// must be a number.
func (b *builder) part(n ast.Node) *vm.Program {
	p, err := compile(n.String())
	if err != nil {
		var f fault
		if errors.As(err, &f) {
			b.blame(n, "%s", f.text)
		}
		return nil
	}
	if kind := p.Node().Type(); kind == nil || !number(kind.Kind()) {
		b.blame(n, "it must be a number")
		return nil
	}
	return p
}

func valueNode(i int) ast.Node { return place("__v", i) }
func truthNode(i int) ast.Node { return place("__t", i) }

func place(list string, i int) ast.Node {
	return &ast.MemberNode{Node: &ast.IdentifierNode{Value: list}, Property: &ast.IntegerNode{Value: i}}
}

// copyOf returns a node of its own: types are noted in nodes.
func copyOf(n ast.Node) ast.Node {
	m, ok := n.(*ast.MemberNode)
	if !ok {
		return n
	}
	list, ok := m.Node.(*ast.IdentifierNode)
	index, ok2 := m.Property.(*ast.IntegerNode)
	if !ok || !ok2 {
		return n
	}
	return place(list.Value, index.Value)
}
