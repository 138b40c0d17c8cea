package strategy

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/lunobot/lunobot/strategy/param"
)

// Info describes a strategy to people and to the host.
type Info struct {
	// Name identifies the strategy: lower-case letters, digits and dashes.
	Name string `json:"name"`
	// Version is the strategy's semantic version, such as "1.2.0".
	Version string `json:"version"`
	// Title is its name for people. Defaults to Name.
	Title string `json:"title"`
	// Summary is one sentence about the idea.
	Summary string `json:"summary"`
	// Guide is the strategy's documentation for tenants, in Markdown with tables: the
	// idea, when it earns and when it loses. At most MaxGuide bytes. Pages leave out its
	// title, pictures, and the sections "Try it" and "Work on it", which are for whoever
	// has the program.
	Guide string `json:"guide,omitempty"`
	// StateVersion is the version of the state's form; raise it when an old
	// snapshot can no longer be read as it is. Defaults to 1.
	StateVersion int `json:"state_version"`
}

// MaxGuide is how many bytes an Info's Guide has at the most.
const MaxGuide = 64 << 10

// Strategy is an author's strategy with its state: usually a pointer to a
// struct. It implements at least one of the handlers (CandleHandler, …) and is
// used from one goroutine at a time. Its exported fields are its state: they
// are saved and restored as JSON unless it implements Snapshotter.
type Strategy any

// Definition is a strategy that can be run: its description, its parameters
// and how to make one.
type Definition struct {
	info   Info
	schema *param.Schema
	make   func(raw json.RawMessage) (Strategy, error)
	checks bool
	// signals is true if the strategy with its defaults is a SignalHandler, pairs if
	// it is a PairTrader.
	signals, pairs bool
}

// Checker is a parameter struct that finds faults which no tag can describe,
// such as an expression that does not parse. The error is param.Errors; it is
// asked only for parameters that the tags let through.
type Checker interface {
	Check() error
}

// Define builds a definition. Defaults is the parameter struct with its default
// values, tagged as package param says, and may be a Checker; create makes a strategy for given
// parameters, which have been checked against the tags. The error names
// everything that is wrong.
func Define[P any](info Info, defaults P, create func(p P) Strategy) (Definition, error) {
	if info.Title == "" {
		info.Title = info.Name
	}
	if info.StateVersion == 0 {
		info.StateVersion = 1
	}
	var problems []error
	if !regexp.MustCompile(`^[a-z][a-z0-9-]{0,63}$`).MatchString(info.Name) {
		problems = append(problems, fmt.Errorf("the name %q must be lower-case letters, digits and dashes", info.Name))
	}
	if !regexp.MustCompile(`^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$`).MatchString(info.Version) {
		problems = append(problems, fmt.Errorf("the version %q must be semantic, such as 1.0.0", info.Version))
	}
	if create == nil {
		problems = append(problems, errors.New("there is no function that makes the strategy"))
	}
	if len(info.Guide) > MaxGuide {
		problems = append(problems, fmt.Errorf("the guide has %d bytes, at most %d", len(info.Guide), MaxGuide))
	}
	schema, err := param.Of(defaults)
	if err != nil {
		problems = append(problems, err)
	}
	var first Strategy
	if create != nil && err == nil {
		first = create(defaults)
		problems = append(problems, unheard(info.Name, first), sound(info.Name, first))
	}
	if err := errors.Join(problems...); err != nil {
		return Definition{}, fmt.Errorf("defining strategy %q: %w", info.Name, err)
	}
	_, checks := any(defaults).(Checker)
	_, signals := first.(SignalHandler)
	_, pairs := first.(PairTrader)
	return Definition{info: info, schema: schema, checks: checks, signals: signals, pairs: pairs, make: func(raw json.RawMessage) (Strategy, error) {
		p := defaults
		if err := schema.Decode(raw, &p); err != nil {
			return nil, err
		}
		if c, ok := any(p).(Checker); ok {
			if err := c.Check(); err != nil {
				return nil, err
			}
		}
		s := create(p)
		if err := sound(info.Name, s); err != nil {
			return nil, err
		}
		return s, nil
	}}, nil
}

// MustDefine is Define for a package's own definition; it panics if the
// definition is wrong, which its tests show at once, with all that is wrong in one line.
func MustDefine[P any](info Info, defaults P, create func(p P) Strategy) Definition {
	d, err := Define(info, defaults, create)
	if err != nil {
		panic(strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return d
}

// Info returns the strategy's description.
func (d Definition) Info() Info { return d.info }

// WithGuide returns the definition with an Info's Guide, usually the text of README.md
// that lies beside the program's main. With one that is longer than MaxGuide the program
// says so and ends.
func (d Definition) WithGuide(text string) Definition {
	d.info.Guide = text
	return d
}

// Checks reports whether the strategy finds faults in its parameters that the
// schema does not: its parameter struct is a Checker.
func (d Definition) Checks() bool { return d.checks }

// Signals reports whether the strategy wants messages from outside: with its
// defaults it is a SignalHandler.
func (d Definition) Signals() bool { return d.signals }

// Pairs reports whether the strategy trades several pairs with one balance: with
// its defaults it is a PairTrader.
func (d Definition) Pairs() bool { return d.pairs }

// Check returns what is wrong with parameters as param.Errors, by the schema
// and by the strategy itself.
func (d Definition) Check(raw json.RawMessage) error {
	_, err := d.make(raw)
	return err
}

// Schema returns the form of the strategy's parameters.
func (d Definition) Schema() *param.Schema { return d.schema }
