package plugin

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/lunobot/lunobot/strategy"
)

// serveArgument is the command by which a host's binary becomes the process of
// one of its bundled strategies.
const serveArgument = "plugin-serve"

// Bundle is a set of strategies that a host's binary contains. The host starts
// them by executing itself again, so that one file is enough to begin. The zero
// value is empty.
type Bundle struct {
	definitions []strategy.Definition
}

// NewBundle returns a bundle; two strategies of one name are an error.
func NewBundle(definitions ...strategy.Definition) (Bundle, error) {
	var problems []error
	seen := make(map[string]bool)
	for _, d := range definitions {
		name := d.Info().Name
		if name == "" || seen[name] {
			problems = append(problems, fmt.Errorf("plugin: the bundle has no or more than one strategy named %q", name))
		}
		seen[name] = true
	}
	if err := errors.Join(problems...); err != nil {
		return Bundle{}, err
	}
	return Bundle{definitions: slices.Clone(definitions)}, nil
}

// Definitions returns the strategies in the order that they were given.
func (b Bundle) Definitions() []strategy.Definition { return slices.Clone(b.definitions) }

// Definition returns the strategy of a name.
func (b Bundle) Definition(name string) (strategy.Definition, bool) {
	for _, d := range b.definitions {
		if d.Info().Name == name {
			return d, true
		}
	}
	return strategy.Definition{}, false
}

// Args returns the arguments that make the host's binary serve the strategy.
func (b Bundle) Args(name string) []string { return []string{serveArgument, name} }

// ServeIfChild serves a bundled strategy and ends the process if a host started
// it for that; otherwise it returns at once. Call it first in main, before
// flags are read and anything is opened.
func (b Bundle) ServeIfChild() {
	if len(os.Args) < 2 || os.Args[1] != serveArgument {
		return
	}
	if len(os.Args) != 3 {
		fmt.Fprintf(os.Stderr, "%s needs the name of one strategy\n", serveArgument)
		os.Exit(2)
	}
	def, ok := b.Definition(os.Args[2])
	switch {
	case !ok:
		fmt.Fprintf(os.Stderr, "this binary contains no strategy %q\n", os.Args[2])
		os.Exit(2)
	case !startedByHost():
		fmt.Fprintf(os.Stderr, "%s is how this program starts the strategies that it contains; it is not for people\n", serveArgument)
		os.Exit(2)
	}
	serve(def)
	os.Exit(0)
}
