package conformance

import (
	"context"
	"time"
)

// Config says what is checked.
type Config struct {
	// Candles is how many candles a backtest has, at least 2. Defaults to 3,000.
	Candles int
	// Limit is how long one call may take. Defaults to a second.
	Limit time.Duration
	// Now is the clock that the deadlines are measured with; required.
	Now func() time.Time
	// Reference begins the same strategy without the wire, if the caller has it;
	// what goes over the wire is compared with it. Defaults to Start.
	Reference Start
	// Start begins the strategy; required.
	Start Start
}

// Check is one thing that a strategy must fulfil.
type Check struct {
	// Name says what is checked.
	Name string
	run  func(ctx context.Context, cfg Config) (note string, err error)
	cfg  Config
}

// Run carries the check out. The note says what was looked at; the error is why
// the strategy does not fulfil it.
func (c Check) Run(ctx context.Context) (note string, err error) { return c.run(ctx, c.cfg) }

// Checks returns all checks. They may be run in any order and at once.
func Checks(cfg Config) []Check {
	if cfg.Candles == 0 {
		cfg.Candles = 3_000
	}
	if cfg.Limit == 0 {
		cfg.Limit = time.Second
	}
	checks := []Check{
		{Name: "manifest", run: checkManifest},
		{Name: "defaults are valid", run: checkDefaults},
	}
	for _, sc := range scenarios() {
		checks = append(checks, Check{Name: "market " + sc.name, run: func(ctx context.Context, cfg Config) (string, error) {
			return checkMarket(ctx, cfg, sc)
		}})
	}
	checks = append(checks,
		Check{Name: "signals", run: checkSignals},
		Check{Name: "several pairs", run: checkPairs},
		Check{Name: "hostile parameters", run: checkParameters},
		Check{Name: "strange states", run: checkStates},
		Check{Name: "deadlines", run: checkDeadlines},
		Check{Name: "backtest", run: checkBacktest},
	)
	for i := range checks {
		checks[i].cfg = cfg
	}
	return checks
}

// with begins a subject for the time of a function.
func with(ctx context.Context, start Start, do func(s Subject) error) error {
	s, end, err := start(ctx)
	if err != nil {
		return err
	}
	defer end()
	return do(s)
}
