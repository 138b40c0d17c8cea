package search

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
)

// Method is how a search goes through its space.
type Method string

// The methods.
const (
	// Grid tries every set, the last range fastest.
	Grid Method = "grid"
	// Random tries sets that are drawn evenly from the space (Bergstra and Bengio,
	// Random Search for Hyper-Parameter Optimization, Journal of Machine Learning
	// Research 13, 2012).
	Random Method = "random"
	// TPE draws a few sets at random and then looks where the good ones lie closer
	// together than the others, by tree-structured Parzen estimators (Bergstra,
	// Bardenet, Bengio and Kégl, Algorithms for Hyper-Parameter Optimization,
	// Advances in Neural Information Processing Systems 24, 2011).
	TPE Method = "tpe"
)

// Methods returns all methods.
func Methods() []Method { return []Method{Grid, Random, TPE} }

const (
	// chunk is how many sets a grid or a random search asks for at once.
	chunk = 512
	// misses is how many draws in a row may give nothing new before the space
	// counts as used up.
	misses = 10_000
)

// candidate is a set to be run.
type candidate struct {
	point  point
	params json.RawMessage
}

// proposer says what to run next, by what has been run so far; nothing means the
// end. It is asked when all that it has proposed is done, so that its answers do
// not depend on who ran what when.
type proposer interface {
	propose(done []*Set) []candidate
}

// finder makes candidates of points: each set once, and none that the strategy
// refuses.
type finder struct {
	space   *Space
	seen    map[string]struct{}
	refused int
	refusal error // the first
}

func newFinder(s *Space) *finder { return &finder{space: s, seen: make(map[string]struct{})} }

// take returns a point's set unless it was seen before or is refused.
func (f *finder) take(p point) (candidate, bool) {
	texts := f.space.texts(p)
	key := strings.Join(texts, "\x00")
	if _, seen := f.seen[key]; seen {
		return candidate{}, false
	}
	f.seen[key] = struct{}{}
	raw, err := f.space.params(texts)
	if err != nil {
		if f.refused++; f.refusal == nil {
			f.refusal = err
		}
		return candidate{}, false
	}
	return candidate{point: p, params: raw}, true
}

// draw returns a set drawn evenly from the space; false if none is left.
func (f *finder) draw(r *rand.Rand) (candidate, bool) {
	for range misses {
		p := make(point, len(f.space.axes))
		for i := range f.space.axes {
			if a := &f.space.axes[i]; a.listed() {
				p[i] = float64(r.IntN(len(a.Levels)))
			} else {
				p[i] = r.Float64()
			}
		}
		if c, ok := f.take(p); ok {
			return c, true
		}
	}
	return candidate{}, false
}

// grid proposes every set.
type grid struct {
	*finder
	next point // nil at the end
}

func newGrid(f *finder) *grid { return &grid{finder: f, next: make(point, len(f.space.axes))} }

// checkGrid reports why a space has no grid.
func checkGrid(s *Space) error {
	for i := range s.axes {
		if a := &s.axes[i]; !a.listed() {
			form := "a step, such as %s=%s:%s:STEP"
			if a.Log {
				form = "a count, such as %s=%s:%s:log:8"
			}
			return fmt.Errorf("range %s: a grid needs "+form, a.Name, a.Name, a.textAt(0), a.textAt(1))
		}
	}
	if n, ok := s.Size(); !ok || n > MaxSets {
		return fmt.Errorf("the ranges have more than %d sets: take larger steps, or search by random or tpe", MaxSets)
	}
	return nil
}

// propose implements proposer.
func (g *grid) propose([]*Set) []candidate {
	var out []candidate
	for g.next != nil && len(out) < chunk {
		p := append(point{}, g.next...)
		g.advance()
		if c, ok := g.take(p); ok {
			out = append(out, c)
		}
	}
	return out
}

func (g *grid) advance() {
	for i := len(g.next) - 1; i >= 0; i-- {
		if g.next[i]++; int(g.next[i]) < len(g.space.axes[i].Levels) {
			return
		}
		g.next[i] = 0
	}
	g.next = nil
}

// random proposes sets that are drawn evenly.
type random struct {
	*finder
	rand *rand.Rand
	left int
}

// propose implements proposer.
func (r *random) propose([]*Set) []candidate {
	var out []candidate
	for r.left > 0 && len(out) < chunk {
		c, ok := r.draw(r.rand)
		if !ok {
			r.left = 0
			break
		}
		r.left--
		out = append(out, c)
	}
	return out
}
