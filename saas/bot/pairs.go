package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/param"
)

// PairsError says why a strategy cannot trade the pairs that it is given.
type PairsError struct{ Reason string }

// Error implements error.
func (e *PairsError) Error() string { return e.Reason }

// MaxFurtherPairs is how many further pairs a bot may trade at most.
const MaxFurtherPairs = strategy.MaxPairs

// furtherPairs is where the faults of the further pairs are shown.
const furtherPairs = "/further_pairs"

// checkTraded notes what is wrong with the further pairs, and what the strategy says
// of all that it is to trade.
func (s Setup) checkTraded(ctx context.Context, f *errs.Fields, markets Markets, strategies Strategies, params json.RawMessage, pin string) {
	own, err := markets.Market(s.Pair)
	if err != nil {
		return // noted
	}
	also, ok := s.further(f, own, markets)
	if ok && len(params) > 0 {
		path := "/trading_pair"
		if len(also) > 0 {
			path = furtherPairs
		}
		s.ask(ctx, f, path, strategies, params, pin, own, also)
	}
}

// further returns the markets of the further pairs; it is not ok if a fault was
// noted.
func (s Setup) further(f *errs.Fields, own exchange.Market, markets Markets) (also []exchange.Market, ok bool) {
	ok = true
	fault := func(path, reason string) {
		ok = false
		f.Add(path, reason)
	}
	if len(s.Also) > MaxFurtherPairs {
		fault(furtherPairs, fmt.Sprintf("must be at most %d", MaxFurtherPairs))
		return nil, false // whatever they are: there may be very many
	}
	for i, pair := range s.Also {
		path := fmt.Sprintf("%s/%d", furtherPairs, i)
		m, err := markets.Market(pair)
		same := func(o exchange.Market) bool { return o.Base == m.Base }
		switch {
		case pair == own.Pair:
			fault(path, "is the bot's own pair: choose another beside it")
		case slices.Contains(s.Also[:i], pair):
			fault(path, "is there twice")
		case err != nil:
			fault(path, "is not a pair that is traded here: "+strings.Join(markets.Pairs(), ", "))
		case m.Counter != own.Counter:
			fault(path, "is paid in "+m.Counter+", and the balance is in "+own.Counter+": all pairs need one currency")
		case same(own) || slices.ContainsFunc(also, same):
			fault(path, m.Base+" is traded in another of the pairs: one account tells its positions apart by currency")
		case m.Base == own.Counter:
			fault(path, "buys the currency that the balance is in")
		default:
			also = append(also, m)
		}
	}
	return also, ok
}

// ask notes what the strategy says of the pairs that it is to trade, at a path if no
// parameter is at fault.
func (s Setup) ask(ctx context.Context, f *errs.Fields, path string, strategies Strategies, params json.RawMessage, pin string, own exchange.Market, also []exchange.Market) {
	err := strategies.CanTrade(ctx, s.Strategy, pin, params, own, also...)
	var bad param.Errors
	var pairs *PairsError
	switch {
	case err == nil:
	case errors.As(err, &bad):
		addParameters(f, bad)
	case errors.As(err, &pairs):
		f.Add(path, pairs.Reason)
	default:
		f.Add("/strategy_type", "could not be asked whether it can trade these pairs: try again")
	}
}

// addParameters notes faulty parameters.
func addParameters(f *errs.Fields, bad param.Errors) {
	for _, e := range bad {
		f.Add(strings.TrimSuffix("/parameters/"+strings.NewReplacer("~", "~0", "/", "~1").Replace(e.Name), "/"), e.Reason)
	}
}
