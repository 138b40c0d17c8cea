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
	"github.com/lunobot/lunobot/saas/research"
)

// history is what backtests run over: the market's past, and the store of candles, of
// which nothing is written here.
type history struct {
	market market
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
func openHistory(market market, folder string, log *slog.Logger) (*history, error) {
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
		all = append(all, h.market.offer(m))
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
			return h.market.offer(markets[i]), nil
		}
		return research.Offer{}, cmp.Or(err, notKept("%s has no pair %q", h.market.place(), ref.Pair))
	}
	return h.kept(ctx, ref)
}

// Load implements research.History.
func (h *history) Load(ctx context.Context, q research.Query) (research.Data, error) {
	if q.Source == research.FromStore {
		return readStored(ctx, h.store, q)
	}
	o, err := h.Offer(ctx, q.Ref)
	if err != nil {
		return research.Data{}, err
	}
	if q.From.Before(o.From) || q.To.After(o.To) {
		return research.Data{}, fmt.Errorf("there is no history from %s to %s, only from %s to %s", q.From, q.To, o.From, o.To)
	}
	return h.market.load(ctx, q, o)
}

// Trades implements research.History: the store has candles only.
func (h *history) Trades(_ context.Context, ref research.Ref, from, to time.Time) (research.Tape, error) {
	if ref.Source == research.FromStore {
		return nil, nil //nolint:nilnil // a history without trades
	}
	return h.market.trades(ref.Pair, from, to)
}
