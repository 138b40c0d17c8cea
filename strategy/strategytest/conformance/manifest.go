package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/param"
	"github.com/lunobot/lunobot/strategy/plugin"
)

// mostWarmup is the longest warm-up that a host may be asked for.
const mostWarmup = 100_000

func checkManifest(ctx context.Context, cfg Config) (note string, err error) {
	err = with(ctx, cfg.Start, func(s Subject) error {
		m := s.Manifest()
		if err := m.Check(); err != nil {
			return err
		}
		raw, err := json.Marshal(m)
		if err != nil {
			return fmt.Errorf("writing the manifest: %w", err)
		}
		var read plugin.Manifest
		if err := json.Unmarshal(raw, &read); err != nil {
			return fmt.Errorf("a host cannot keep the manifest: %w", err)
		}
		note = fmt.Sprintf("%d parameters, state version %d", len(read.Schema.Fields()), m.StateVersion)
		return nil
	})
	return note, err
}

func checkDefaults(ctx context.Context, cfg Config) (note string, err error) {
	err = with(ctx, cfg.Start, func(s Subject) error {
		schema := s.Manifest().Schema
		if _, err := schema.Validate(nil); err != nil {
			return fmt.Errorf("the defaults are not valid: %w", err)
		}
		var faults param.Errors
		for _, params := range []json.RawMessage{nil, schema.Defaults()} {
			opened, err := openOne(ctx, s, strategy.OpenInput{Interval: span, Market: Market(), Params: params})
			switch {
			case errors.As(err, &faults):
				return fmt.Errorf("the strategy refuses its own defaults: %w", err)
			case err != nil:
				return fmt.Errorf("opening with the defaults: %w", err)
			case opened.Warmup > mostWarmup:
				return fmt.Errorf("a warm-up of %d candles is more than a host gives", opened.Warmup)
			case len(opened.Wants) == 0:
				return errors.New("it handles no event")
			}
			note = fmt.Sprintf("warms up for %d candles", opened.Warmup)
		}
		return nil
	})
	return note, err
}
