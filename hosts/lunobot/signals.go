package main

import (
	"fmt"

	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/plugin"
)

// signalFlag names the messages from outside that a strategy hears in a run.
type signalFlag struct {
	Signals string `placeholder:"FILE" help:"Messages that the strategy hears: CSV with the columns time and body, or JSON lines with time and body."`
}

// messages reads the file; a problem with it is an input error.
func (f signalFlag) messages(s *subject) ([]strategy.Signal, error) {
	if f.Signals == "" {
		return nil, nil
	}
	if !s.manifest.Can(plugin.Signals) {
		return nil, input("--signals: %s takes no signals", s.manifest.Name)
	}
	file, err := openIn(f.Signals)
	if err != nil {
		return nil, input("--signals %w", err)
	}
	defer file.Close() //nolint:errcheck // it was only read
	list, err := backtest.ReadSignals(file)
	if err != nil {
		return nil, input("--signals %s: %w", f.Signals, err)
	}
	return list, nil
}

// comment says what a strategy that takes signals did not hear.
func (f signalFlag) comment(c *console, s *subject, r *backtest.Result, given int) {
	switch missed := given - int(r.Signals); {
	case f.Signals == "" && s.manifest.Can(plugin.Signals):
		_, _ = fmt.Fprintf(c.problems, "%s heard no signals: --signals FILE gives it some\n", s.manifest.Name)
	case missed > 0:
		_, _ = fmt.Fprintf(c.problems, "%d of %d signals lie outside the candles and were not heard\n", missed, given)
	}
}
