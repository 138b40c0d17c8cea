package parity

import (
	"context"

	"github.com/lunobot/lunobot/strategy"
)

// Strategy is a strategy that has been opened for a replay.
type Strategy interface {
	// Wants reports whether it handles events of the kind.
	Wants(k strategy.EventKind) bool
	// Deliver gives it an event and returns what it asks for, which is valid
	// until the next call.
	Deliver(ctx context.Context, v *strategy.View, ev *strategy.Event) ([]strategy.Command, error)
}

// Open opens a strategy as a baseline has it. A replay opens it again to see
// whether it always decides alike.
type Open func(ctx context.Context, b Baseline) (Strategy, error)

// Local opens a definition's strategies in this process.
func Local(def strategy.Definition) Open {
	return func(_ context.Context, b Baseline) (Strategy, error) {
		i, err := def.Open(strategy.OpenInput{Explain: true, Interval: b.Decide, Market: b.Market, Also: b.Also, Params: b.Params, Snapshot: b.Snapshot})
		if err != nil {
			return nil, err
		}
		return local{i}, nil
	}
}

type local struct{ *strategy.Instance }

// Deliver implements Strategy.
func (l local) Deliver(_ context.Context, v *strategy.View, ev *strategy.Event) ([]strategy.Command, error) {
	return l.TryDeliver(v, ev)
}

// OutageError is an error of what a replay itself needs, such as the strategy's
// process, not of what is replayed.
type OutageError struct{ Err error }

// Error implements error.
func (e *OutageError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *OutageError) Unwrap() error { return e.Err }
