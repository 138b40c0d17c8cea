package saasdb

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/shopspring/decimal"
	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/page"
	"github.com/lunobot/lunobot/saas/research"
)

type backtestRow struct {
	bun.BaseModel `bun:"table:backtests,alias:t"`

	TenantID   string `bun:",pk"`
	ID         string `bun:",pk"`
	Name       string
	Kind       research.Kind
	Pair       string
	Strategy   string
	Parameters string
	Interval   int64        `bun:"interval_seconds"`
	From       db.Timestamp `bun:"from_at"`
	To         db.Timestamp `bun:"to_at"`
	Balance    decimal.Decimal
	MakerFee   decimal.Decimal
	TakerFee   decimal.Decimal
	Slippage   decimal.Decimal
	Risk       document[bot.Risk]
	Search     document[*research.Search]
	Status     research.Status
	Reason     string
	Done       int64
	Total      int64
	Attempt    int64
	Figures    document[*research.Figures]
	Line       document[[]float64]
	CreatedAt  db.Timestamp
	StartedAt  db.Timestamp
	FinishedAt db.Timestamp

	StrategyVersion string
	History         document[backtestHistory]
	Terms           document[research.Terms]
	FullLook        bool
}

// backtestHistory is which history a backtest goes over.
type backtestHistory struct {
	Source   research.Source `json:"source"`
	Recorded string          `json:"recorded"`
	Market   exchange.Market `json:"market,omitzero"`
	// Further are the further markets that are traded.
	Further []exchange.Market `json:"further,omitempty"`
}

func backtestRowOf(tenantID string, r research.Run) backtestRow {
	return backtestRow{
		TenantID: tenantID, ID: r.ID, Name: r.Name, Kind: r.Kind, Search: document[*research.Search]{r.Search}, Pair: r.Pair, Strategy: r.Strategy, Parameters: string(r.Parameters),
		Interval: int64(r.Interval / time.Second), From: db.At(r.From), To: db.At(r.To), Balance: r.Balance, MakerFee: r.MakerFee,
		TakerFee: r.TakerFee, Slippage: r.Slippage, Risk: document[bot.Risk]{r.Risk}, Status: r.Status, Reason: clean(r.Reason), Done: r.Done,
		Total: r.Total, Attempt: r.Attempt, Figures: document[*research.Figures]{r.Figures}, Line: document[[]float64]{r.Line},
		CreatedAt: db.At(r.CreatedAt), StartedAt: db.At(r.StartedAt), FinishedAt: db.At(r.FinishedAt), StrategyVersion: r.StrategyVersion,
		Terms: document[research.Terms]{r.Terms}, FullLook: r.FullLook,
		History: document[backtestHistory]{backtestHistory{Source: r.Source, Recorded: r.Recorded.String(), Market: r.Market, Further: r.Further}},
	}
}

func (r backtestRow) run() research.Run {
	recorded, _ := time.ParseDuration(r.History.value.Recorded) // as it was written
	sets := 0
	if r.Search.value != nil {
		sets = int(r.Total)
	}
	return research.Run{
		ID: r.ID, TenantID: r.TenantID,
		Request: research.Request{
			Name: r.Name, Kind: r.Kind, Search: r.Search.value, Sets: sets, Pair: r.Pair, Strategy: r.Strategy, Parameters: json.RawMessage(r.Parameters), Interval: time.Duration(r.Interval) * time.Second,
			From: r.From.Time, To: r.To.Time, Balance: r.Balance, MakerFee: r.MakerFee, TakerFee: r.TakerFee, Slippage: r.Slippage, Terms: r.Terms.value, FullLook: r.FullLook, Risk: r.Risk.value,
			StrategyVersion: r.StrategyVersion, Source: r.History.value.Source, Recorded: recorded, Market: r.History.value.Market, Further: r.History.value.Further,
		},
		Status: r.Status, Reason: r.Reason, Done: r.Done, Total: r.Total, Attempt: r.Attempt, Figures: r.Figures.value, Line: r.Line.value,
		CreatedAt: r.CreatedAt.Time, StartedAt: r.StartedAt.Time, FinishedAt: r.FinishedAt.Time,
	}
}

// InsertRun implements research.Store.
func (s *Store) InsertRun(ctx context.Context, tenantID string, r research.Run) error {
	row := backtestRowOf(tenantID, r)
	return s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		if _, err := tx.NewInsert().Model(&row).Exec(ctx); err != nil {
			return fmt.Errorf("storing backtest %s: %w", r.ID, err)
		}
		return nil
	})
}

// Run implements research.Store.
func (s *Store) Run(ctx context.Context, tenantID, id string) (research.Run, error) {
	var r research.Run
	err := s.db.Read(ctx, tenantID, func(ctx context.Context, tx bun.IDB) (err error) {
		r, err = selectRun(ctx, tx, tenantID, id, "")
		return err
	})
	return r, err
}

// LockRun implements research.Store.
func (s *Store) LockRun(ctx context.Context, tenantID, id string) (research.Run, error) {
	var r research.Run
	err := s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) (err error) {
		lock := ""
		if s.db.Dialect() == db.Postgres {
			lock = "NO KEY UPDATE" // leases are taken meanwhile
		}
		r, err = selectRun(ctx, tx, tenantID, id, lock)
		return err
	})
	return r, err
}

func selectRun(ctx context.Context, tx bun.IDB, tenantID, id, lock string) (research.Run, error) {
	var row backtestRow
	q := tx.NewSelect().Model(&row).Where("t.tenant_id = ? AND t.id = ?", tenantID, id)
	if lock != "" {
		q = q.For(lock)
	}
	if err := db.NotFound(q.Scan(ctx), "reading backtest "+id, notFound("backtest", id)); err != nil {
		return research.Run{}, err
	}
	return row.run(), nil
}

// Runs implements research.Store.
func (s *Store) Runs(ctx context.Context, tenantID string, p page.Page) ([]research.Run, error) {
	rows, err := latest[backtestRow](ctx, s, tenantID, "backtests", p, nil)
	return convert(rows, backtestRow.run), err
}

// UpdateRun implements research.Store.
func (s *Store) UpdateRun(ctx context.Context, tenantID string, r research.Run) error {
	row := backtestRowOf(tenantID, r)
	return s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		res, err := tx.NewUpdate().Model(&row).Column("status", "reason", "done", "attempt", "figures", "line", "started_at", "finished_at").
			Where("t.tenant_id = ? AND t.id = ?", tenantID, r.ID).Exec(ctx)
		return changed(res, err, "changing backtest "+r.ID, notFound("backtest", r.ID))
	})
}

// DeleteRun implements research.Store. The lease and the result go with it, by
// foreign keys that cascade.
func (s *Store) DeleteRun(ctx context.Context, tenantID, id string) error {
	return s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		res, err := tx.NewDelete().Model((*backtestRow)(nil)).Where("tenant_id = ? AND id = ?", tenantID, id).Exec(ctx)
		return changed(res, err, "deleting backtest "+id, notFound("backtest", id))
	})
}

// PruneRuns implements research.Store.
func (s *Store) PruneRuns(ctx context.Context, tenantID string, keep int) (int, error) {
	var n int64
	err := s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		newest := tx.NewSelect().Model((*backtestRow)(nil)).Column("id").Where("tenant_id = ?", tenantID).Order("id DESC").Limit(int64(keep))
		res, err := tx.NewDelete().Model((*backtestRow)(nil)).Where("tenant_id = ?", tenantID).
			Where("status NOT IN (?)", bun.List([]research.Status{research.Queued, research.Running})).Where("id NOT IN (?)", newest).Exec(ctx)
		n, err = affected(res, err, "pruning backtests")
		return err
	})
	return int(n), err
}

type backtestResultRow struct {
	bun.BaseModel `bun:"table:backtest_results,alias:e"`

	TenantID   string `bun:",pk"`
	BacktestID string `bun:",pk"`
	Page       []byte
	Document   []byte
	Equity     []byte
}

// PutResult implements research.Store.
func (s *Store) PutResult(ctx context.Context, tenantID, id string, r research.Result) error {
	row := backtestResultRow{TenantID: tenantID, BacktestID: id, Page: r.Page, Document: r.Document, Equity: r.Equity}
	return s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		_, err := tx.NewInsert().Model(&row).On("CONFLICT (tenant_id, backtest_id) DO UPDATE").
			Set("page = EXCLUDED.page, document = EXCLUDED.document, equity = EXCLUDED.equity").Exec(ctx)
		if err != nil {
			return fmt.Errorf("storing the result of backtest %s: %w", id, err)
		}
		return nil
	})
}

// ResultPart implements research.Store.
func (s *Store) ResultPart(ctx context.Context, tenantID, id string, part research.Part) ([]byte, error) {
	switch part {
	case research.PartPage, research.PartDocument, research.PartEquity:
	default:
		return nil, fmt.Errorf("saasdb: a result has no part %q", part)
	}
	var raw []byte
	err := s.db.Read(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		err := tx.NewSelect().Model((*backtestResultRow)(nil)).Column(string(part)).Where("e.tenant_id = ? AND e.backtest_id = ?", tenantID, id).Scan(ctx, &raw)
		return db.NotFound(err, "reading the result of backtest "+id, notFound("result", id))
	})
	return raw, err
}

// pendingRow is a run that is not over with the lease on it.
type pendingRow struct {
	TenantID  string
	ID        string
	Status    research.Status
	Strategy  string
	Version   string
	Holder    string
	ExpiresAt int64
	DoneAt    db.Timestamp
}

// PendingRuns implements research.Queue.
func (s *Store) PendingRuns(ctx context.Context) ([]research.Pending, error) {
	var rows []pendingRow
	err := s.db.SystemRead(ctx, "looking for backtests", func(ctx context.Context, tx bun.IDB) error {
		// The condition is that of the index backtests_pending. Ids grow with time.
		return tx.NewRaw(`SELECT t.tenant_id, t.id, t.status, t.strategy, t.strategy_version AS version, COALESCE(l.holder, '') AS holder, COALESCE(l.expires_at, 0) AS expires_at,
				(SELECT MAX(d.finished_at) FROM backtests AS d WHERE d.tenant_id = t.tenant_id AND d.strategy = t.strategy
					AND d.strategy_version = t.strategy_version AND d.status = 'done') AS done_at
			FROM backtests AS t LEFT JOIN leases AS l ON l.tenant_id = t.tenant_id AND l.backtest_id = t.id
			WHERE t.status IN ('queued', 'running') ORDER BY t.id`).Scan(ctx, &rows)
	})
	return convert(rows, func(r pendingRow) research.Pending {
		p := research.Pending{TenantID: r.TenantID, ID: r.ID, Status: r.Status, Strategy: r.Strategy, Version: r.Version, Holder: r.Holder, Succeeded: r.DoneAt.Time}
		if r.ExpiresAt > 0 {
			p.HeldUntil = time.UnixMicro(r.ExpiresAt).UTC()
		}
		return p
	}), err
}
