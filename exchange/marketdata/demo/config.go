package demo

import (
	"errors"
	"fmt"
	"time"
)

const (
	// DefaultSpeed is how many market minutes pass in one minute by default.
	DefaultSpeed = 60
	// MaxSpeed is the highest speed.
	MaxSpeed = 10_000
	// DefaultSeed is the seed of a market that names none.
	DefaultSeed = 1
)

// Anchor ties market time to the wall clock: at Wall the candle Index opens.
// A host that stores its anchor goes on after a restart as if it had never
// stopped.
type Anchor struct {
	Wall  time.Time
	Index int64
}

// Config describes a demo market.
type Config struct {
	// Anchor ties market time to the wall clock. Defaults to index 0 now.
	Anchor Anchor
	// Now is the wall clock. Defaults to time.Now.
	Now func() time.Time
	// Seed picks the start within the cycle and the path inside the candles.
	// Defaults to DefaultSeed.
	Seed uint64
	// Speed is how many times faster than the wall clock market time runs,
	// above 0 and at most MaxSpeed. Defaults to DefaultSpeed.
	Speed float64
}

func (c Config) withDefaults() Config {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Anchor.Wall.IsZero() {
		c.Anchor.Wall = c.Now()
	}
	if c.Seed == 0 {
		c.Seed = DefaultSeed
	}
	if c.Speed == 0 {
		c.Speed = DefaultSpeed
	}
	return c
}

func (c Config) validate() error {
	var problems []error
	// Written so that NaN fails.
	if !(c.Speed > 0 && c.Speed <= MaxSpeed) {
		problems = append(problems, fmt.Errorf("the speed %v must be above 0 and at most %d", c.Speed, MaxSpeed))
	}
	if c.Anchor.Index < -maxIndex || c.Anchor.Index > maxIndex {
		problems = append(problems, fmt.Errorf("the anchor's index %d must be between ±%d", c.Anchor.Index, maxIndex))
	}
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("demo market: %w", err)
	}
	return nil
}
