package rules

import (
	"errors"
	"math"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/vm"

	"github.com/lunobot/lunobot/strategy/indicator"
)

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
		at = len(b.program.names)
		for i, line := range e.Lines {
			name := call
			if i > 0 {
				name += "." + line
			}
			b.value(name, needs{})
		}
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
	at := b.value("what prev looks back at", b.needsOf(p))
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
	from := b.needsOf(one)
	from.add(b.needsOf(two))
	at := b.truth(from)
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

// placeOf is what place made a node of; the list is empty if it did not.
func placeOf(n ast.Node) (list string, at int) {
	m, ok := n.(*ast.MemberNode)
	if !ok {
		return "", 0
	}
	name, ok := m.Node.(*ast.IdentifierNode)
	index, ok2 := m.Property.(*ast.IntegerNode)
	if !ok || !ok2 {
		return "", 0
	}
	return name.Value, index.Value
}

// copyOf returns a node of its own: types are noted in nodes.
func copyOf(n ast.Node) ast.Node {
	if list, at := placeOf(n); list != "" {
		return place(list, at)
	}
	return n
}
