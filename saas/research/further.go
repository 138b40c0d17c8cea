package research

import (
	"context"
	"fmt"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/errs"
)

// furtherMarkets are those of further pairs; one that is not there is noted by the
// check of the setup.
func furtherMarkets(also []string, markets bot.Markets) (out []exchange.Market) {
	for _, pair := range also {
		if m, err := markets.Market(pair); err == nil {
			out = append(out, m)
		}
	}
	return out
}

// checkFurther holds the histories of the further pairs up against a run: each has something of its time, in candles of which those of the run can
// be made.
func (s *Service) checkFurther(ctx context.Context, r Request, f *errs.Fields) error {
	for i, m := range r.Further {
		path := fmt.Sprintf("/further_pairs/%d", i)
		o, err := s.cfg.History.Offer(ctx, Ref{Source: r.Source, Pair: m.Pair})
		switch detail := r.Detail(); {
		case err != nil && errs.KindOf(err) == errs.NotFound:
			f.Add(path, "has no candles in this history: choose another pair")
		case err != nil:
			return fmt.Errorf("looking for history of %s: %w", m.Pair, err)
		case detail%o.Recorded != 0:
			f.Add(path, fmt.Sprintf("is recorded in candles of %s, and the run goes over candles of %s", lengthName(o.Recorded), lengthName(detail)))
		case !o.From.Before(r.To) || !r.From.Before(o.To):
			f.Add(path, fmt.Sprintf("has candles from %s to %s only, and none of the time asked for", o.From.UTC().Format(time.RFC3339), o.To.UTC().Format(time.RFC3339)))
		}
	}
	return nil
}
