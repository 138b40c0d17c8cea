package saasdb_test

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/lease"
	"github.com/lunobot/lunobot/saas/page"
	"github.com/lunobot/lunobot/saas/research"
	"github.com/lunobot/lunobot/saas/saasdb"
	"github.com/lunobot/lunobot/strategy/perf"
	"github.com/lunobot/lunobot/tenancy/tenancydb"
)

// newRun stores a queued run.
func newRun(t *testing.T, s *saasdb.Store, tenantID string) research.Run {
	t.Helper()
	r := research.Run{
		ID: id(), TenantID: tenantID,
		Request: research.Request{
			Kind: research.Sweep, Sets: 2880,
			Search: &research.Search{Ranges: []string{"fast=5:50", "kind=sma,ema"}, Method: "tpe", Trials: 2880, Seed: 7, Measure: "calmar", MaxDrawdown: 0.25, InSample: time.Hour},
			Name:   "First", Source: research.FromStore, Pair: "XBTMYR", Recorded: 90 * time.Second,
			Market: exchange.Market{Pair: "XBTMYR", Base: "XBT", Counter: "MYR", Tick: dec("0.01"), Step: dec("0.0001"), MinVolume: 5}, Strategy: "basic", Parameters: json.RawMessage(`{"fast": 10}`), Interval: time.Hour,
			From: start().Truncate(time.Hour), To: start().Truncate(time.Hour).Add(48 * time.Hour), Balance: dec("10000.000000000000000001"),
			MakerFee: dec("0.0025"), TakerFee: dec("0.00000001"), Slippage: dec("0"), Terms: research.Terms{Holding: dec("0.5"), Holdings: map[string]decimal.Decimal{"ETHMYR": dec("1.000000000000000001")}, FeeTiers: []research.FeeTier{{Volume: dec("100000"), TakerFee: dec("0.001"), MakerFee: dec("0")}}, Spread: dec("0.001"), Latency: 1_500 * time.Millisecond}, FullLook: true, Risk: bot.Risk{StopLossPercent: dec("2.5")},
		},
		Status: research.Queued, Total: 2880, CreatedAt: start(),
	}
	if err := s.InsertRun(t.Context(), tenantID, r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestBacktests(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, s *saasdb.Store) {
		ctx := t.Context()
		r := newRun(t, s, "a")
		got, err := s.Run(ctx, "a", r.ID)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "run", got, r)

		r.Status, r.Reason, r.Done, r.Attempt, r.StartedAt, r.FinishedAt = research.Done, "odd\x00 words", 2880, 2, start(), start().Add(time.Second)
		r.Figures = &research.Figures{Counter: "MYR", Final: dec("12345.678901"), Return: 0.25, Sharpe: perf.Number(math.NaN()), Trades: 7}
		r.Line = []float64{1, 2.5, math.MaxFloat64}
		if err := s.UpdateRun(ctx, "a", r); err != nil {
			t.Fatal(err)
		}
		r.Reason = "odd words"
		if got, err = s.LockRun(ctx, "a", r.ID); err != nil {
			t.Fatal(err)
		}
		same(t, "changed run", got, r)
	})
}

func TestBacktestResults(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, s *saasdb.Store) {
		ctx := t.Context()
		r := newRun(t, s, "a")
		_, err := s.ResultPart(ctx, "a", r.ID, research.PartPage)
		wantCode(t, err, errs.NotFound, "result_not_found")
		// Every byte there is, and as many as are allowed.
		all := make([]byte, 256)
		for i := range all {
			all[i] = byte(i)
		}
		for _, result := range []research.Result{
			{Page: []byte("x"), Document: []byte{}, Equity: []byte("\x00")},
			{Page: bytes.Repeat([]byte(`'\"`), 1000), Document: bytes.Repeat(all, research.MaxResult/256-100), Equity: all},
		} {
			if err := s.PutResult(ctx, "a", r.ID, result); err != nil {
				t.Fatal(err)
			}
			for part, want := range map[research.Part][]byte{
				research.PartPage: result.Page, research.PartDocument: result.Document, research.PartEquity: result.Equity,
			} {
				if got, err := s.ResultPart(ctx, "a", r.ID, part); err != nil || !bytes.Equal(got, want) {
					t.Errorf("%s: %d bytes of %d, %v", part, len(got), len(want), err)
				}
			}
		}
		if _, err := s.ResultPart(ctx, "a", r.ID, "tenant_id"); err == nil {
			t.Error("another column was read")
		}
		own := lease.Resource{Kind: lease.Backtests, TenantID: "a", ID: r.ID}
		if got := takeOne(t, s, "worker", own); got.Epoch != 1 {
			t.Errorf("the lease is %+v", got)
		}
		if err := s.DeleteRun(ctx, "a", r.ID); err != nil {
			t.Fatal(err)
		}
		for table, column := range map[string]string{"backtests": "id", "backtest_results": "backtest_id", "leases": "resource_id"} {
			rows := 1
			err := d.Read(ctx, "a", func(ctx context.Context, tx bun.IDB) error {
				return tx.NewRaw("SELECT count(*) FROM ? WHERE ? = ?", bun.Ident(table), bun.Ident(column), r.ID).Scan(ctx, &rows)
			})
			if err != nil || rows != 0 {
				t.Errorf("%d rows of %s are left, %v", rows, table, err)
			}
		}
		// A deleted run gets no lease: its epochs would begin anew.
		h, err := s.StartHolder(ctx, "worker")
		if err != nil {
			t.Fatal(err)
		}
		taken, err := s.TakeLeases(ctx, lease.Take{Holder: h, Resources: []lease.Resource{own}, Limit: 1, Now: start(), Until: start().Add(time.Minute)})
		if err != nil || len(taken) != 0 {
			t.Errorf("the deleted run was leased as %+v, %v", taken, err)
		}
	})
}

// takeOne takes a lease for a new start of a holder.
func takeOne(t *testing.T, s *saasdb.Store, holder string, r lease.Resource) lease.Lease {
	t.Helper()
	h, err := s.StartHolder(t.Context(), holder)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.TakeLeases(t.Context(), lease.Take{Holder: h, Resources: []lease.Resource{r}, Limit: 1, Now: start(), Until: start().Add(10 * time.Second)})
	if err != nil || len(got) != 1 {
		t.Fatalf("taking %+v: %v, %v", r, got, err)
	}
	return got[0]
}

// proves P12: what is another tenant's is not there, for every method.
func TestBacktestsOfAnotherTenant(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, s *saasdb.Store) {
		ctx := t.Context()
		r := newRun(t, s, "a")
		if err := s.PutResult(ctx, "a", r.ID, research.Result{Page: []byte("p"), Document: []byte("d"), Equity: []byte("e")}); err != nil {
			t.Fatal(err)
		}
		_, err := s.Run(ctx, "b", r.ID)
		wantCode(t, err, errs.NotFound, "backtest_not_found")
		_, err = s.LockRun(ctx, "b", r.ID)
		wantCode(t, err, errs.NotFound, "backtest_not_found")
		stolen := r
		stolen.Status = research.Failed
		wantCode(t, s.UpdateRun(ctx, "b", stolen), errs.NotFound, "backtest_not_found")
		wantCode(t, s.DeleteRun(ctx, "b", r.ID), errs.NotFound, "backtest_not_found")
		_, err = s.ResultPart(ctx, "b", r.ID, research.PartPage)
		wantCode(t, err, errs.NotFound, "result_not_found")
		if err := s.PutResult(ctx, "b", r.ID, research.Result{}); err == nil {
			t.Error("a result was stored for another tenant's run")
		}
		if n, err := s.PruneRuns(ctx, "b", 0); n != 0 || err != nil {
			t.Errorf("pruned %d runs of another tenant, %v", n, err)
		}
		if list, err := s.Runs(ctx, "b", page.Page{}); len(list) != 0 || err != nil {
			t.Errorf("listed %d, %v", len(list), err)
		}
		got, err := s.Run(ctx, "a", r.ID)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "the run", got, r)
	})
}

func TestListsOfBacktests(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, s *saasdb.Store) {
		ctx := t.Context()
		var ids []string
		for range 6 {
			ids = append(ids, newRun(t, s, "a").ID)
		}
		other := newRun(t, s, "b")
		first, err := s.Runs(ctx, "a", page.Page{Limit: 4})
		if err != nil || len(first) != 5 || first[0].ID != ids[5] {
			t.Fatalf("the first part has %d, %v", len(first), err)
		}
		rest, err := s.Runs(ctx, "a", page.Page{Limit: 4, After: first[3].ID})
		if err != nil || len(rest) != 2 || rest[1].ID != ids[0] {
			t.Fatalf("the second part has %d, %v", len(rest), err)
		}

		own := lease.Resource{Kind: lease.Backtests, TenantID: "a", ID: ids[1]}
		takeOne(t, s, "worker", own)
		pending, err := s.PendingRuns(ctx)
		if err != nil || len(pending) != 7 {
			t.Fatalf("%d are pending, %v", len(pending), err)
		}
		for i, p := range pending {
			want := research.Pending{TenantID: "a", Status: research.Queued, Strategy: "basic"}
			if i < 6 {
				want.ID = ids[i]
			} else {
				want.TenantID, want.ID = "b", other.ID
			}
			if i == 1 {
				want.Holder, want.HeldUntil = "worker", start().Add(10*time.Second)
			}
			same(t, "pending", p, want)
		}

		// Of runs that are over, those older than the newest go.
		for _, i := range []int{0, 2, 3, 5} {
			r, err := s.Run(ctx, "a", ids[i])
			if err != nil {
				t.Fatal(err)
			}
			if r.Status = research.Failed; i == 2 {
				r.Status, r.FinishedAt = research.Done, start().Add(time.Hour)
			}
			if err := s.UpdateRun(ctx, "a", r); err != nil {
				t.Fatal(err)
			}
		}
		// A success counts for its tenant, and its version.
		later := newRun(t, s, "a")
		later.Status, later.FinishedAt = research.Done, start().Add(time.Minute)
		if err := s.UpdateRun(ctx, "a", later); err != nil {
			t.Fatal(err)
		}
		if pending, err = s.PendingRuns(ctx); err != nil || len(pending) != 3 || !pending[0].Succeeded.Equal(start().Add(time.Hour)) || !pending[2].Succeeded.IsZero() {
			t.Errorf("pending are %+v, %v", pending, err)
		}
		if err := s.DeleteRun(ctx, "a", later.ID); err != nil {
			t.Fatal(err)
		}
		if n, err := s.PruneRuns(ctx, "a", 3); n != 2 || err != nil {
			t.Errorf("pruned %d, %v", n, err)
		}
		left, err := s.Runs(ctx, "a", page.Page{})
		if err != nil || len(left) != 4 || left[0].ID != ids[5] || left[1].ID != ids[4] || left[2].ID != ids[3] || left[3].ID != ids[1] {
			t.Errorf("%d are left, %v", len(left), err)
		}
		if pending, err = s.PendingRuns(ctx); err != nil || len(pending) != 3 {
			t.Errorf("%d are pending, %v", len(pending), err)
		}
	})
}

// Progress, cancelling, pruning, deleting and the leases of the same runs at
// once never wait for each other in a circle.
func TestBacktestsDoNotDeadlock(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, s *saasdb.Store) {
		ctx := t.Context()
		h, err := s.StartHolder(ctx, "worker")
		if err != nil {
			t.Fatal(err)
		}
		const runs = 30
		take := lease.Take{Holder: h, Limit: runs, Now: start(), Until: start().Add(time.Hour)}
		for range runs {
			take.Resources = append(take.Resources, research.Resource("a", newRun(t, s, "a").ID))
		}
		leases, err := s.TakeLeases(ctx, take)
		if err != nil || len(leases) != runs {
			t.Fatal(len(leases), err)
		}
		var wg sync.WaitGroup
		at := func(each func(i int, l lease.Lease) error) {
			wg.Go(func() {
				for i, l := range leases {
					if err := each(i, l); err != nil && errs.CodeOf(err) != "lease_lost" && errs.KindOf(err) != errs.NotFound {
						t.Error(err)
						return
					}
				}
			})
		}
		change := func(l lease.Lease, fenced bool, status research.Status) error {
			return d.Tx(ctx, "a", func(ctx context.Context) error {
				r, err := s.LockRun(ctx, "a", l.ID)
				if err != nil {
					return err
				}
				if fenced {
					if err := s.CheckLease(ctx, l); err != nil {
						return err
					}
				}
				if r.Done++; status != "" {
					r.Status = status
				}
				return s.UpdateRun(ctx, "a", r)
			})
		}
		at(func(_ int, l lease.Lease) error { return change(l, true, "") })
		at(func(_ int, l lease.Lease) error { return change(l, false, research.Cancelled) })
		at(func(_ int, l lease.Lease) error {
			return d.Tx(ctx, "a", func(ctx context.Context) error {
				if _, err := s.LockRun(ctx, "a", l.ID); err != nil {
					return err
				}
				return s.DeleteRun(ctx, "a", l.ID)
			})
		})
		at(func(int, lease.Lease) error { _, err := s.PruneRuns(ctx, "a", 5); return err })
		at(func(int, lease.Lease) error { _, err := s.RenewLeases(ctx, h, start().Add(time.Hour)); return err })
		at(func(i int, l lease.Lease) error {
			if i%3 == 0 {
				return s.ReleaseLeases(ctx, h, []lease.Lease{l})
			}
			_, err := s.TakeLeases(ctx, take)
			return err
		})
		wg.Wait()
	})
}

// Leases of a database from before there were backtests go on.
func TestLeasesFromBeforeBacktests(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, []db.MigrationSet{tenancydb.Migrations(), before(t, "0005")}, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		upgraded(t, d,
			`INSERT INTO bot_configs (tenant_id, id, bot_id, name, pair, strategy, mode, parameters, balance, risk, key_hint, version, created_at, updated_at)
					VALUES ('a', 'c', 'b', 'Old', 'XBTMYR', 'basic', 'paper', '{}', '1', '{}', '', 1, 1, 1)`,
			`INSERT INTO bots (tenant_id, id, config_id, desired, status, reason, run, created_at, updated_at) VALUES ('a', 'b', 'c', TRUE, 'running', '', 1, 1, 1)`,
			`INSERT INTO lease_holders VALUES ('worker', 3)`,
			`INSERT INTO leases (tenant_id, kind, resource_id, bot_id, holder, incarnation, epoch, expires_at) VALUES ('a', 'bot', 'b', 'b', 'worker', 3, 7, 9000000000000000)`,
		)
		s := saasdb.New(d)
		own := lease.Resource{Kind: lease.Bots, TenantID: "a", ID: "b"}
		if err := s.CheckLease(ctx, lease.Lease{Resource: own, Epoch: 7}); err != nil {
			t.Errorf("the lease of before: %v", err)
		}
		if got := takeOne(t, s, "worker", own); got.Epoch != 8 {
			t.Errorf("the next epoch is %d", got.Epoch)
		}
		if err := s.DeleteBot(ctx, "a", "b"); err != nil {
			t.Errorf("deleting the bot: %v", err)
		}
	})
}
