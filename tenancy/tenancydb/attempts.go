package tenancydb

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/tenancy"
)

type attemptRow struct {
	bun.BaseModel `bun:"table:login_attempts,alias:a"`

	ID           string `bun:",pk"`
	Attempts     int
	BlockedUntil int64 // microseconds since the epoch; 0 is never
	SeenAt       db.Timestamp
}

// KnownNetwork implements tenancy.Store.
func (s *Store) KnownNetwork(ctx context.Context, email, network string) (bool, error) {
	known := false
	err := s.db.SystemRead(ctx, "looking for a known network", func(ctx context.Context, tx bun.IDB) error {
		err := tx.NewRaw("SELECT EXISTS (SELECT 1 FROM users AS u JOIN memberships AS m ON m.user_id = u.id "+
			"JOIN sessions AS s ON s.tenant_id = m.tenant_id AND s.user_id = m.user_id "+
			"WHERE u.email = ? AND s.network = ?)", email, network).Scan(ctx, &known)
		if err != nil {
			return fmt.Errorf("looking for sessions from a network: %w", err)
		}
		return nil
	})
	return known, err
}

// BlockedUntil implements tenancy.Store.
func (s *Store) BlockedUntil(ctx context.Context, counters []string) (time.Time, error) {
	var until int64
	err := s.db.SystemRead(ctx, "reading login attempts", func(ctx context.Context, tx bun.IDB) error {
		err := tx.NewSelect().Model((*attemptRow)(nil)).ColumnExpr("COALESCE(MAX(a.blocked_until), 0)").
			Where("a.id IN (?)", bun.List(counters)).Scan(ctx, &until)
		if err != nil {
			return fmt.Errorf("reading counters: %w", err)
		}
		return nil
	})
	if err != nil || until == 0 {
		return time.Time{}, err
	}
	return time.UnixMicro(until).UTC(), nil
}

// CountAttempt implements tenancy.Store. One statement reads, decides and
// writes, so that attempts in parallel are counted one after the other.
func (s *Store) CountAttempt(ctx context.Context, counter string, limit tenancy.AttemptLimit, now time.Time) (bool, error) {
	at, forget := now.UnixMicro(), now.Add(-limit.Forget).UnixMicro()
	const number = "(CASE WHEN a.seen_at < ? THEN 1 ELSE a.attempts + 1 END)"
	var q strings.Builder
	q.WriteString("INSERT INTO login_attempts AS a (id, attempts, blocked_until, seen_at) VALUES (?, 1, ?, ?) " +
		"ON CONFLICT (id) DO UPDATE SET attempts = " + number + ", blocked_until = ? + CASE WHEN " + number + " < ? THEN 0 ELSE CASE " + number)
	args := []any{counter, at + limit.After(1).Microseconds(), at, forget, at, forget, limit.Free, forget}
	for n := limit.Free; n == limit.Free || limit.After(n) < limit.Max; n++ {
		q.WriteString(" WHEN ? THEN ?")
		args = append(args, n, limit.After(n).Microseconds())
	}
	q.WriteString(" ELSE ? END END, seen_at = ? WHERE a.blocked_until <= ?")
	args = append(args, limit.Max.Microseconds(), at, at)
	counted := 0
	err := s.db.System(ctx, "counting a login attempt", func(ctx context.Context, tx bun.IDB) error {
		res, err := tx.NewRaw(q.String(), args...).Exec(ctx)
		counted, err = affected(res, err, "counting an attempt")
		return err
	})
	return counted == 1, err
}

// ForgiveAttempts implements tenancy.Store. It goes from counter to counter in
// the order in which attempts are counted, so that the two never wait for each
// other's rows.
func (s *Store) ForgiveAttempts(ctx context.Context, all, one []string) error {
	return s.db.System(ctx, "forgiving login attempts", func(ctx context.Context, tx bun.IDB) error {
		for _, id := range all {
			if _, err := tx.NewDelete().Model((*attemptRow)(nil)).Where("id = ?", id).Exec(ctx); err != nil {
				return fmt.Errorf("deleting a counter: %w", err)
			}
		}
		for _, id := range one {
			_, err := tx.NewUpdate().Model((*attemptRow)(nil)).Set("blocked_until = 0").
				Set("attempts = CASE WHEN attempts > 0 THEN attempts - 1 ELSE 0 END").Where("id = ?", id).Exec(ctx)
			if err != nil {
				return fmt.Errorf("lowering a counter: %w", err)
			}
		}
		return nil
	})
}

// PruneAttempts implements tenancy.Store.
func (s *Store) PruneAttempts(ctx context.Context, before time.Time) (int, error) {
	n := 0
	err := s.db.System(ctx, "pruning login attempts", func(ctx context.Context, tx bun.IDB) error {
		res, err := tx.NewDelete().Model((*attemptRow)(nil)).Where("seen_at < ?", db.At(before)).Exec(ctx)
		n, err = affected(res, err, "deleting old counters")
		return err
	})
	return n, err
}
