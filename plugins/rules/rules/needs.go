package rules

import (
	"slices"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/vm"
)

// decision is a question with what its answer follows from.
type decision struct {
	program *vm.Program
	needs   needs
}

// needs are the values and truths that an expression looks at, also by way of
// others: as long as one of them is not there, it says nothing.
type needs struct{ values, truths []int }

// add adds what is not there yet.
func (n *needs) add(o needs) {
	for _, x := range o.values {
		if !slices.Contains(n.values, x) {
			n.values = append(n.values, x)
		}
	}
	for _, x := range o.truths {
		if !slices.Contains(n.truths, x) {
			n.truths = append(n.truths, x)
		}
	}
}

// needsOf returns what a compiled expression looks at.
func (b *builder) needsOf(p *vm.Program) needs {
	f := finder{b: b}
	root := p.Node()
	ast.Walk(&root, &f)
	return f.found
}

// finder gathers the needs of an expression.
type finder struct {
	b     *builder
	found needs
}

// Visit implements ast.Visitor.
func (f *finder) Visit(node *ast.Node) {
	switch list, at := placeOf(*node); list {
	case "__v":
		f.found.add(f.b.values[at])
	case "__t":
		f.found.add(f.b.truths[at])
	}
}
