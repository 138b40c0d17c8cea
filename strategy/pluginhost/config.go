package pluginhost

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/lunobot/lunobot/strategy/pluginhost/sandbox"
)

// Config says which plugins there are and how they are kept.
type Config struct {
	// Attach allows sources that are Attached: strategies that run already,
	// without a sandbox, encryption, a pinned file or deadlines. It is for authors
	// with a debugger, needs Sandbox to be Off, and has no place in production.
	// Defaults to false.
	Attach bool
	// BackoffMax is the longest pause before a plugin that keeps dying is
	// started again. Defaults to 30 s.
	BackoffMax time.Duration
	// BackoffMin is the pause after the first death; it doubles with each one
	// that follows. Defaults to 250 ms.
	BackoffMin time.Duration
	// BacktestStall is how long a backtest may go without progress before its
	// process is killed. Defaults to 1 min.
	BacktestStall time.Duration
	// BreakAfter is after how many deaths and failed starts in a row a process that is
	// shared rests for BreakFor, in which nobody waits for it; then it is tried once.
	// Defaults to 10.
	BreakAfter int
	// BreakFor is how long it rests then. Defaults to 5 min.
	BreakFor time.Duration
	// CallTimeout is how long a call may take before the process is killed.
	// Defaults to 10 s.
	CallTimeout time.Duration
	// HealthInterval is the pause between two health checks. Defaults to 10 s.
	HealthInterval time.Duration
	// IdleTimeout is how long a process without a bot is kept. Defaults to
	// 1 min.
	IdleTimeout time.Duration
	// Limits bound what a process may use, where it is shut in. Their zero values
	// are their defaults.
	Limits sandbox.Limits
	// LogLine is the most that is kept of a line that a plugin prints, in bytes.
	// Defaults to 2 KiB.
	LogLine int
	// LogRate is how many lines a second a process may print; what is above is
	// counted and dropped. Defaults to 20.
	LogRate int
	// Logger gets what plugins print and what happens to them. Defaults to
	// nobody.
	Logger *slog.Logger
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
	// Processor bounds the processor time of each process. Its zero values are their
	// defaults.
	Processor Processor
	// Sandbox says what happens where processes cannot be shut in wholly. Defaults
	// to sandbox.Prefer.
	Sandbox sandbox.Policy
	// Shim is what sandbox.Serve returned in main. Defaults to none: processes are
	// not shut in.
	Shim sandbox.Shim
	// Sources are the plugins to begin with; Add and Remove change them.
	Sources []Source
	// StartTimeout is how long a start may take. Defaults to 20 s: a machine under load
	// starts a dozen programs at once.
	StartTimeout time.Duration
	// TempDir is where the private directories of the processes are made.
	// Defaults to the system's.
	TempDir string
}

func (c Config) withDefaults() Config {
	duration := func(d *time.Duration, def time.Duration) {
		if *d == 0 {
			*d = def
		}
	}
	duration(&c.BackoffMax, 30*time.Second)
	duration(&c.BackoffMin, 250*time.Millisecond)
	duration(&c.BacktestStall, time.Minute)
	if c.BreakAfter == 0 {
		c.BreakAfter = 10
	}
	duration(&c.BreakFor, 5*time.Minute)
	duration(&c.CallTimeout, 10*time.Second)
	duration(&c.HealthInterval, 10*time.Second)
	duration(&c.IdleTimeout, time.Minute)
	duration(&c.StartTimeout, 20*time.Second)
	if c.Sandbox == "" {
		c.Sandbox = sandbox.Prefer
	}
	c.Limits, c.Processor = c.Limits.WithDefaults(), c.Processor.withDefaults()
	if c.LogLine == 0 {
		c.LogLine = 2 << 10
	}
	if c.LogRate == 0 {
		c.LogRate = 20
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.TempDir == "" {
		c.TempDir = os.TempDir()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

func (c Config) validate() error {
	var problems []error
	for name, d := range map[string]time.Duration{
		"BackoffMax": c.BackoffMax, "BackoffMin": c.BackoffMin, "BacktestStall": c.BacktestStall, "BreakFor": c.BreakFor, "CallTimeout": c.CallTimeout,
		"HealthInterval": c.HealthInterval, "IdleTimeout": c.IdleTimeout, "StartTimeout": c.StartTimeout,
	} {
		if d < 0 {
			problems = append(problems, fmt.Errorf("%s must not be below 0", name))
		}
	}
	if c.BreakAfter < 0 {
		problems = append(problems, errors.New("BreakAfter must not be below 0"))
	}
	problems = append(problems, c.Limits.Validate(), c.Processor.validate())
	if _, err := sandbox.ParsePolicy(string(c.Sandbox)); err != nil {
		problems = append(problems, err)
	}
	if c.Attach && c.Sandbox != sandbox.Off {
		problems = append(problems, errors.New("the sandbox must be off to attach: what runs already is not shut in"))
	}
	if c.LogLine < 0 || c.LogRate < 0 {
		problems = append(problems, errors.New("LogLine and LogRate must not be below 0"))
	}
	if len(c.TempDir)+socketTail > socketLimit {
		problems = append(problems, fmt.Errorf("the path TempDir %s is too long for sockets in it", c.TempDir))
	}
	seen := make(map[string]bool)
	for _, s := range c.Sources {
		problems = append(problems, s.validate())
		if seen[s.Key()] {
			problems = append(problems, fmt.Errorf("there are two sources named %q", s.Key()))
		}
		seen[s.Key()] = true
	}
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("pluginhost: %w", err)
	}
	return nil
}
