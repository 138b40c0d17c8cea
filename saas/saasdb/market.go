package saasdb

import (
	"context"
	"slices"

	"github.com/uptrace/bun"
)

// BotPairs lists the pairs that the bots of all tenants trade, each once.
func (s *Store) BotPairs(ctx context.Context) ([]string, error) {
	var rows []configRow
	err := s.db.SystemRead(ctx, "listing the pairs of all bots", func(ctx context.Context, tx bun.IDB) error {
		return tx.NewSelect().Model(&rows).Distinct().Column("pair", "also").Scan(ctx)
	})
	var pairs []string
	for _, r := range rows {
		pairs = append(append(pairs, r.Pair), r.Also.value...)
	}
	slices.Sort(pairs)
	return slices.Compact(pairs), err
}

// ForgetMarket forgets all candles that bots saw, as those of another market.
func (s *Store) ForgetMarket(ctx context.Context) error {
	return s.db.System(ctx, "forgetting the candles of a market", func(ctx context.Context, tx bun.IDB) error {
		_, err := tx.NewDelete().Model((*seenRow)(nil)).Where("1 = 1").Exec(ctx)
		return err
	})
}
