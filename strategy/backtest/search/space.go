package search

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lunobot/lunobot/strategy/param"
)

// MaxSets is how many sets a search tries at the most.
const MaxSets = 100_000

// SpaceConfig says which sets there are.
type SpaceConfig struct {
	// Check returns what the strategy itself refuses, as param.Errors, which the
	// schema does not. Defaults to nothing.
	Check func(params json.RawMessage) error
	// Fixed are parameters that are not varied, as texts. Parameters that are
	// neither fixed nor varied have their defaults.
	Fixed map[string]string
	// Ranges are the parameters that are varied, at least one: name=a,b,c or, of
	// numbers and time spans, name=from:to (whole numbers one by one, others
	// anywhere between), name=from:to:step, name=from:to:log (in equal ratios) and
	// name=from:to:log:count.
	Ranges []string
	// Schema describes the parameters; required.
	Schema *param.Schema
}

// Space is the sets that a search chooses from. It is immutable.
type Space struct {
	cfg  SpaceConfig
	axes []Axis
}

// point is a set in a space: a coordinate for each axis, as Axis.Text reads it.
type point []float64

// NewSpace returns the space of the configuration. The error names every faulty
// range and every parameter that there is not.
func NewSpace(cfg SpaceConfig) (*Space, error) {
	if cfg.Schema == nil {
		return nil, errors.New("search: Schema is required")
	}
	s := &Space{cfg: cfg}
	var problems []error
	for _, text := range cfg.Ranges {
		if err := s.add(text); err != nil {
			problems = append(problems, fmt.Errorf("range %s: %w", text, err))
		}
	}
	if len(cfg.Ranges) == 0 {
		problems = append(problems, errors.New("there is no range, such as fast=5:50:5"))
	}
	var fixed []string
	for name := range cfg.Fixed {
		fixed = append(fixed, name)
	}
	slices.Sort(fixed)
	for _, name := range fixed {
		if _, ok := cfg.Schema.Field(name); !ok {
			problems = append(problems, fmt.Errorf("parameter %s: there is none of that name", name))
		}
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return s, nil
}

// add adds the axis of a range.
func (s *Space) add(text string) error {
	name, values, ok := strings.Cut(text, "=")
	if !ok || name == "" {
		return errors.New("it must be written as name=values, such as fast=5:50:5 or kind=sma,ema")
	}
	field, ok := s.cfg.Schema.Field(name)
	if !ok {
		return fmt.Errorf("there is no parameter %q", name)
	}
	if _, fixed := s.cfg.Fixed[name]; fixed {
		return fmt.Errorf("parameter %s is also given one value", name)
	}
	if slices.ContainsFunc(s.axes, func(a Axis) bool { return a.Name == name }) {
		return fmt.Errorf("parameter %s has a range already", name)
	}
	axis, err := parseRange(field, values)
	if err != nil {
		return err
	}
	s.axes = append(s.axes, axis)
	return nil
}

// Axes returns the parameters that are varied, in the order of the ranges. The
// slice is a copy; what its elements point at must not be changed.
func (s *Space) Axes() []Axis { return slices.Clone(s.axes) }

// Size returns how many sets there are, refused ones too; false if there is no
// bound or it is above a billion.
func (s *Space) Size() (int, bool) {
	size := 1
	for i := range s.axes {
		if !s.axes[i].listed() || size > 1e9/len(s.axes[i].Levels) {
			return 0, false
		}
		size *= len(s.axes[i].Levels)
	}
	return size, true
}

// texts returns the values of a point.
func (s *Space) texts(p point) []string {
	out := make([]string, len(p))
	for i := range s.axes {
		out[i] = s.axes[i].Text(p[i])
	}
	return out
}

// params returns the complete parameters of a point's values, or as param.Errors
// why the strategy refuses them.
func (s *Space) params(texts []string) (json.RawMessage, error) {
	all := make(map[string]string, len(texts)+len(s.cfg.Fixed))
	for name, text := range s.cfg.Fixed {
		all[name] = text
	}
	for i, text := range texts {
		all[s.axes[i].Name] = text
	}
	raw, err := s.cfg.Schema.Validate(s.cfg.Schema.FromTexts(all))
	if err == nil && s.cfg.Check != nil {
		err = s.cfg.Check(raw)
	}
	return raw, err
}
