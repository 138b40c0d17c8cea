package main

import (
	"context"
	"errors"
	"strings"

	"github.com/lunobot/lunobot/strategy/plugin"
)

// pairsFlag says which further pairs a run trades with the same balance.
type pairsFlag struct {
	With []string `sep:"none" placeholder:"PAIR[=FILE]" help:"A further pair that the strategy trades with the same balance, and the CSV file of its candles, of the same tick and step as --data; repeat it for others. The demo market and the store have their own candles."`
}

// further is a further pair that a run trades: its candles, and the flags that name
// them.
type further struct {
	history
	flags historyFlags
}

// further finds the candles of the further pairs; what is wrong with the flags is an
// input error, which names every wrong one.
func (f pairsFlag) further(ctx context.Context, s *subject, h historyFlags, past history) ([]further, error) {
	if len(f.With) > 0 && !s.manifest.Can(plugin.Pairs) {
		return nil, input("--with: %s trades one pair", s.called)
	}
	var out []further
	var problems []error
	for _, with := range f.With {
		pair, path, named := strings.Cut(with, "=")
		one := h
		if one.Pair = pair; named {
			one.Data, one.Candles = path, ""
		}
		switch {
		case pair == "" || named && path == "":
			problems = append(problems, input("--with %s must be written as PAIR=FILE", with))
			continue
		case !named && h.Data != demoData && h.Data != storeData:
			problems = append(problems, input("--with %s: name the file of its candles too, as %s=FILE", with, pair))
			continue
		}
		got, err := one.load(ctx)
		if err == nil && got.interval != past.interval {
			err = input("its candles are of %s and those of %s of %s", lengthText(got.interval), past.market.Pair, lengthText(past.interval))
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			problems = append(problems, input("--with %s: %w", with, err))
			continue
		}
		out = append(out, further{got, one})
	}
	return out, errors.Join(problems...)
}
