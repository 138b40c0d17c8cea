package saas

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata/archive"
	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/saas/research"
)

// history is what backtests run over: the demo market's past, without a hole, and
// the store of candles, of which nothing is written here.
type history struct {
	market *demo.Replay
	store  *archive.Archive
	log    *slog.Logger

	mu sync.Mutex
	// holes are those of stored series as far as somebody has asked, under the sum
	// of the series that they were found in.
	holes map[archive.Key]foundHoles
}

type foundHoles struct {
	sum  string
	list []research.Hole
}

var _ research.History = (*history)(nil)

// openHistory returns the history of a market and of the store in a folder, which
// need not be there yet.
func openHistory(market *demo.Replay, folder string, log *slog.Logger) (*history, error) {
	store, err := archive.Open(archive.Config{Folder: folder})
	if err != nil {
		return nil, fmt.Errorf("the store of candles cannot be opened (LUNOBOT_HISTORY_DIR): %w", err)
	}
	return &history{market: market, store: store, log: log, holes: map[archive.Key]foundHoles{}}, nil
}

// Offers implements research.Offers. A stored series that is damaged is left out,
// of which the log warns.
func (h *history) Offers(ctx context.Context) ([]research.Offer, error) {
	markets, err := h.market.Markets(ctx)
	if err != nil {
		return nil, err
	}
	var all []research.Offer
	for _, m := range markets {
		all = append(all, h.replayed(m))
	}
	keys, err := h.store.Keys()
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		i, err := h.store.Info(k)
		switch {
		case errors.As(err, new(*archive.MissingError)): // removed meanwhile
		case err != nil:
			h.log.WarnContext(ctx, "stored candles cannot be used", "series", k.String(), "error", err)
		default:
			all = append(all, offerOf(i))
		}
	}
	return all, nil
}

// Offer implements research.Offers.
func (h *history) Offer(ctx context.Context, ref research.Ref) (research.Offer, error) {
	if cmp.Or(ref.Source, research.FromMarket) == research.FromMarket {
		if ref.Recorded != 0 && ref.Recorded != time.Minute {
			return research.Offer{}, notKept("the market has candles of 1m")
		}
		markets, err := h.market.Markets(ctx)
		if i := slices.IndexFunc(markets, func(m exchange.Market) bool { return m.Pair == ref.Pair }); err == nil && i >= 0 {
			return h.replayed(markets[i]), nil
		}
		return research.Offer{}, cmp.Or(err, notKept("the demo market has no pair %q", ref.Pair))
	}
	return h.kept(ctx, ref)
}

// replayed is the history of a demo market: from two years before its start to the
// newest closed candle.
func (h *history) replayed(m exchange.Market) research.Offer {
	o := research.Offer{
		Ref: research.Ref{Source: research.FromMarket, Pair: m.Pair, Recorded: time.Minute}, Market: m, From: demo.HistoryStart(),
		To: h.market.Now().Truncate(time.Minute), Origin: demo.Name + ": " + demo.Label,
	}
	o.Candles = int64(o.To.Sub(o.From) / time.Minute)
	return o
}

// Load implements research.History.
func (h *history) Load(ctx context.Context, q research.Query) (research.Data, error) {
	if q.Source == research.FromStore {
		return h.stored(ctx, q)
	}
	o, err := h.Offer(ctx, q.Ref)
	if err != nil {
		return research.Data{}, err
	}
	if q.From.Before(o.From) || q.To.After(o.To) {
		return research.Data{}, fmt.Errorf("there is no history from %s to %s, only from %s to %s", q.From, q.To, o.From, o.To)
	}
	series, err := h.market.Series(q.Pair, q.From, q.To)
	if err == nil && q.Interval > series.Interval {
		series, err = series.Aggregate(q.Interval)
	}
	if err != nil {
		return research.Data{}, err
	}
	data := research.Data{Series: series, Origin: o.Origin}
	if cycle := h.market.Cycle(q.Pair); q.To.Sub(q.From) > cycle {
		data.Notes = append(data.Notes, fmt.Sprintf("The demo market repeats the same %.1f days: this run saw them %.1f times. "+
			"More of them prove nothing more; what does well here may have learned these days by heart.", cycle.Hours()/24, q.To.Sub(q.From).Hours()/cycle.Hours()))
	}
	return data, nil
}

// Trades implements research.History: the store has candles only.
func (h *history) Trades(_ context.Context, ref research.Ref, from, to time.Time) (research.Tape, error) {
	if ref.Source == research.FromStore {
		return nil, nil //nolint:nilnil // a history without trades
	}
	return h.market.Tape(ref.Pair, from, to)
}
