package saas

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/exchange/marketdata/archive"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/research"
)

// offerOf describes a stored series, without its holes.
func offerOf(i archive.Info) research.Offer {
	return research.Offer{
		Ref: research.Ref{Source: research.FromStore, Pair: i.Key.Pair, Recorded: i.Key.Interval}, Market: i.Market, From: i.First, To: i.End,
		Candles: i.Candles, Missing: i.Missing, Gaps: i.Holes, Origin: "store: " + strings.Join(i.Origins, ", "),
	}
}

// kept is the history of a stored series.
func (h *history) kept(ctx context.Context, ref research.Ref) (research.Offer, error) {
	lengths, err := h.store.Intervals(ref.Pair)
	if err != nil {
		return research.Offer{}, err
	}
	var names []string
	for _, d := range lengths {
		names = append(names, archive.IntervalName(d))
	}
	switch {
	case len(lengths) == 0:
		return research.Offer{}, notKept("there are no candles of %s in the store", ref.Pair)
	case ref.Recorded == 0:
		ref.Recorded = lengths[0]
	case !slices.Contains(lengths, ref.Recorded):
		return research.Offer{}, notKept("%s is kept in candles of %s", ref.Pair, strings.Join(names, ", "))
	}
	i, err := h.store.Info(archive.Key{Pair: ref.Pair, Interval: ref.Recorded})
	if err != nil {
		return research.Offer{}, gone(ref.Pair, err)
	}
	o := offerOf(i)
	o.Holes, err = h.holesOf(ctx, i)
	return o, gone(ref.Pair, err)
}

func notKept(format string, args ...any) error {
	return errs.New(errs.NotFound, "history_not_found", format, args...)
}

// gone tells what is not in the store, or not any more, from what is wrong with it.
func gone(pair string, err error) error {
	var missing *archive.MissingError
	if errors.As(err, &missing) {
		return notKept("the store has no candles of %s there: %v", pair, missing)
	}
	return err
}

// holesOf returns the longest holes of a stored series. They are looked for once.
func (h *history) holesOf(ctx context.Context, i archive.Info) ([]research.Hole, error) {
	if i.Holes == 0 {
		return nil, nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if known := h.holes[i.Key]; known.sum == i.Sum {
		return known.list, nil
	}
	var list []research.Hole
	longest := func() {
		slices.SortStableFunc(list, func(a, b research.Hole) int { return cmp.Compare(b.To.Sub(b.From), a.To.Sub(a.From)) })
		list = list[:min(len(list), research.MaxHoles)]
	}
	err := h.store.Holes(ctx, i.Key, func(hole archive.Hole) bool {
		if list = append(list, research.Hole{From: hole.From, To: hole.To}); len(list) >= 8*research.MaxHoles {
			longest()
		}
		return ctx.Err() == nil
	})
	if err = errors.Join(err, ctx.Err()); err != nil {
		return nil, err
	}
	longest()
	slices.SortFunc(list, func(a, b research.Hole) int { return a.From.Compare(b.From) })
	h.holes[i.Key] = foundHoles{i.Sum, list}
	return list, nil
}

// readStored reads candles of an archive; its holes are filled with flat ones (rule
// M4), of which the report warns.
func readStored(ctx context.Context, from *archive.Archive, q research.Query) (research.Data, error) {
	r, err := from.Read(ctx, archive.Query{Key: archive.Key{Pair: q.Pair, Interval: q.Recorded}, From: q.From, To: q.To})
	if err != nil {
		return research.Data{}, gone(q.Pair, err)
	}
	defer r.Close() //nolint:errcheck // it was only read
	fold, err := marketdata.NewAggregator(q.Recorded, q.Interval)
	if err != nil {
		return research.Data{}, err
	}
	ratio := int(q.Interval / q.Recorded)
	data := research.Data{Origin: "store: " + strings.Join(r.Origins(), ", ")}
	data.Market, data.Interval = r.Market(), q.Interval
	data.Read.Filled = (r.Filled() + ratio - 1) / ratio
	data.Read.Rows = r.Len()/ratio - data.Read.Filled
	data.Candles = slices.Grow(data.Candles, r.Len()/ratio+1)
	if from, to := r.Span(); from.Sub(q.From) >= q.Interval || q.To.Sub(to) >= q.Interval {
		data.Notes = append(data.Notes, fmt.Sprintf("The store has no candles at the ends of the time asked for: the run went from %s to %s UTC.",
			from.UTC().Format("2006-01-02 15:04"), to.UTC().Format("2006-01-02 15:04")))
	}
	for {
		block, err := r.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return research.Data{}, err
		}
		if ratio == 1 {
			data.Candles = append(data.Candles, block...)
			continue
		}
		for _, c := range block {
			data.Candles = fold.Add(data.Candles, c)
		}
	}
	if len(data.Candles) == 0 {
		return research.Data{}, notKept("the store has no whole candle of %s in the time asked for", q.Pair)
	}
	return data, nil
}
