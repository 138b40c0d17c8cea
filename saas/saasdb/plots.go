package saasdb

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/journal"
)

type plotRow struct {
	bun.BaseModel `bun:"table:bot_plots,alias:p"`

	TenantID string       `bun:",pk"`
	BotID    string       `bun:",pk"`
	At       db.Timestamp `bun:",pk"`
	Candles  int64
	Body     document[plotPiece]
}

// plotPiece is the plots of a few candles, in columns: each line has a value, or
// none, for each of the times, which are in epoch milliseconds.
type plotPiece struct {
	Times []int64   `json:"times"`
	Lines plotLines `json:"lines"`
	// Pairs are the lines on the charts of further pairs.
	Pairs map[string]plotLines `json:"pairs,omitempty"`
}

// plotLines are lines by name.
type plotLines map[string][]*float64

// of returns the lines on the chart of a pair, "" for the bot's own.
func (p *plotPiece) of(pair string) plotLines {
	if pair == "" {
		return p.Lines
	}
	if p.Pairs[pair] == nil {
		if p.Pairs == nil {
			p.Pairs = map[string]plotLines{}
		}
		p.Pairs[pair] = plotLines{}
	}
	return p.Pairs[pair]
}

// plotRowOf makes one piece of the plots. Of two with the same line and time the
// later one counts; false if there is none to keep.
func plotRowOf(tenantID, botID string, plots []journal.Plot) (plotRow, bool) {
	plots = slices.DeleteFunc(slices.Clone(plots), func(p journal.Plot) bool {
		return math.IsNaN(p.Value) || math.IsInf(p.Value, 0) // JSON has no such number, and a stranger's must not spoil the commit
	})
	if len(plots) == 0 {
		return plotRow{}, false
	}
	piece := plotPiece{Lines: plotLines{}}
	for _, p := range plots {
		piece.Times = append(piece.Times, p.Time.UnixMilli())
	}
	slices.Sort(piece.Times)
	piece.Times = slices.Compact(piece.Times)
	for _, p := range plots {
		name, lines := clean(p.Line), piece.of(p.Pair)
		if lines[name] == nil {
			lines[name] = make([]*float64, len(piece.Times))
		}
		at, _ := slices.BinarySearch(piece.Times, p.Time.UnixMilli())
		lines[name][at] = &p.Value
	}
	newest := piece.Times[len(piece.Times)-1]
	return plotRow{TenantID: tenantID, BotID: botID, At: db.At(time.UnixMilli(newest)), Candles: int64(len(piece.Times)), Body: document[plotPiece]{piece}}, true
}

func (r plotRow) plots() []journal.Plot {
	var list []journal.Plot
	add := func(pair string, lines plotLines) {
		for name, values := range lines {
			for i, v := range values {
				if v != nil && i < len(r.Body.value.Times) {
					list = append(list, journal.Plot{Pair: pair, Line: name, Time: time.UnixMilli(r.Body.value.Times[i]).UTC(), Value: *v})
				}
			}
		}
	}
	add("", r.Body.value.Lines)
	for pair, lines := range r.Body.value.Pairs {
		add(pair, lines)
	}
	slices.SortFunc(list, func(a, b journal.Plot) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Pair, b.Pair), cmp.Compare(a.Line, b.Line))
	})
	return list
}

// plotsSince is when the oldest piece begins that is needed for so many candles;
// NULL if all are.
const plotsSince = "(SELECT MAX(at) FROM (SELECT at, SUM(candles) OVER (ORDER BY at DESC) AS n FROM bot_plots " +
	"WHERE tenant_id = ?0 AND bot_id = ?1) AS sums WHERE n >= ?2)"

// Plots implements journal.Store.
func (s *Store) Plots(ctx context.Context, tenantID, botID string) ([]journal.Plot, error) {
	var rows []plotRow
	err := s.db.Read(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		err := tx.NewSelect().Model(&rows).
			Where("tenant_id = ?0 AND bot_id = ?1 AND at >= COALESCE("+plotsSince+", at)", tenantID, botID, journal.KeptPlots).
			Order("at").Scan(ctx)
		if err != nil {
			return fmt.Errorf("reading the plots of bot %s: %w", botID, err)
		}
		return nil
	})
	var list []journal.Plot
	for _, r := range rows {
		list = append(list, r.plots()...)
	}
	return list, err
}

// prunePlots forgets the plots that are not kept.
func prunePlots(ctx context.Context, tx bun.IDB, tenantID, botID string) (int64, error) {
	res, err := tx.NewRaw("DELETE FROM bot_plots WHERE tenant_id = ?0 AND bot_id = ?1 AND at < "+plotsSince, tenantID, botID, journal.KeptPlots).Exec(ctx)
	return affected(res, err, "pruning the plots of bot "+botID)
}
