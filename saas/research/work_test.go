package research_test

import (
	"strings"
	"testing"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/page"
	"github.com/lunobot/lunobot/saas/research"
)

func outcome() research.Outcome {
	return research.Outcome{
		Result:  research.Result{Page: []byte("p"), Document: []byte("d"), Equity: []byte("e")},
		Figures: research.Figures{Counter: "MYR", Final: decimal.NewFromInt(12_000), Trades: 3}, Line: []float64{1, 2},
	}
}

func TestLifeOfARun(t *testing.T) {
	t.Parallel()
	each(t, "basic", func(b *bench) {
		ctx := b.t.Context()
		r := b.create()
		l := b.take(r, "worker-1")
		got, err := b.Begin(ctx, l, 3)
		b.must(err)
		if got.Status != research.Running || got.Attempt != 1 || got.StartedAt.IsZero() {
			b.t.Errorf("begun as %+v", got)
		}
		b.must(b.Progress(ctx, l, 4320))
		if now := b.run(r.ID); now.Done != 4320 || now.Percent() != 10 {
			b.t.Errorf("%d of %d, %d %%", now.Done, now.Total, now.Percent())
		}
		_, err = b.Result(ctx, b.who, r.ID, research.PartPage)
		b.want(err, errs.Conflict, "backtest_not_done")
		b.want(b.Delete(ctx, b.who, r.ID), errs.Conflict, "backtest_running")
		b.must(b.Finish(ctx, l, outcome()))
		if now := b.run(r.ID); now.Status != research.Done || now.Percent() != 100 || now.Figures.Trades != 3 || now.FinishedAt.IsZero() || b.used() != 0 {
			b.t.Errorf("finished as %+v with %d places", now, b.used())
		}
		if part, err := b.Result(ctx, b.who, r.ID, research.PartEquity); err != nil || string(part) != "e" {
			b.t.Errorf("the equity is %q, %v", part, err)
		}
		for what, err := range map[string]error{"progress": b.Progress(ctx, l, 1), "finish": b.Finish(ctx, l, outcome()), "fail": b.Fail(ctx, l, "x"), "yield": b.Yield(ctx, l)} {
			if errs.CodeOf(err) != "backtest_over" {
				b.t.Errorf("%s of a run that is done: %v", what, err)
			}
		}
		b.must(b.Delete(ctx, b.who, r.ID))
		_, err = b.Run(ctx, b.who, r.ID)
		b.want(err, errs.NotFound, "backtest_not_found")
		b.want(b.Progress(ctx, l, 1), errs.Conflict, "backtest_over")
		if got := strings.Join(b.billing.Events.Take(), " "); !strings.HasSuffix(got, "backtest.queued backtest.done backtest.deleted") {
			b.t.Errorf("events = %s", got)
		}
	})
}

// A run that fails after its last candle has not come to 100 %.
func TestFailedRunsAreNotDone(t *testing.T) {
	t.Parallel()
	each(t, "basic", func(b *bench) {
		r := b.create()
		l := b.take(r, "worker-1")
		_, err := b.Begin(b.t.Context(), l, 3)
		b.must(err)
		b.must(b.Progress(b.t.Context(), l, r.Total))
		if now := b.run(r.ID); now.Percent() != 99 {
			b.t.Errorf("all candles are done, and %d %%", now.Percent())
		}
		b.must(b.Fail(b.t.Context(), l, "the report could not be kept"))
		if now := b.run(r.ID); now.Status != research.Failed || now.Percent() != 99 {
			b.t.Errorf("failed as %s with %d %%", now.Status, now.Percent())
		}
	})
}

// proves T5 for backtests: a worker whose lease was taken changes nothing.
func TestWorkersAreFenced(t *testing.T) {
	t.Parallel()
	each(t, "basic", func(b *bench) {
		ctx := b.t.Context()
		r := b.create()
		old := b.take(r, "worker")
		_, err := b.Begin(ctx, old, 3)
		b.must(err)
		fresh := b.take(r, "worker") // the next start of the same worker
		for what, err := range map[string]error{
			"progress": b.Progress(ctx, old, 7), "finish": b.Finish(ctx, old, outcome()), "fail": b.Fail(ctx, old, "x"), "yield": b.Yield(ctx, old),
		} {
			if errs.CodeOf(err) != "lease_lost" {
				b.t.Errorf("%s under a lost lease: %v", what, err)
			}
		}
		got, err := b.Begin(ctx, fresh, 3)
		b.must(err)
		if got.Attempt != 2 || got.Done != 0 {
			b.t.Errorf("the second attempt is %+v", got)
		}
	})
}

// A run is given up after a few dead workers; one that a stopping worker gave
// back was not tried.
func TestAttempts(t *testing.T) {
	t.Parallel()
	each(t, "basic", func(b *bench) {
		ctx := b.t.Context()
		r := b.create()
		for range 5 {
			l := b.take(r, "worker")
			_, err := b.Begin(ctx, l, 3)
			b.must(err)
			b.must(b.Progress(ctx, l, 9))
			b.must(b.Yield(ctx, l))
		}
		if now := b.run(r.ID); now.Status != research.Queued || now.Attempt != 0 || now.Done != 0 || b.used() != 1 {
			b.t.Fatalf("after five stops it is %+v", now)
		}
		for range 3 {
			_, err := b.Begin(ctx, b.take(r, "worker"), 3)
			b.must(err)
		}
		_, err := b.Begin(ctx, b.take(r, "worker"), 3)
		b.want(err, errs.Conflict, "backtest_over")
		now := b.run(r.ID)
		if now.Status != research.Failed || !strings.Contains(now.Reason, "ended 3 times") || b.used() != 0 {
			b.t.Errorf("given up as %s: %s, %d places", now.Status, now.Reason, b.used())
		}
	})
}

func TestCancel(t *testing.T) {
	t.Parallel()
	each(t, "basic", func(b *bench) {
		ctx := b.t.Context()
		r := b.create()
		l := b.take(r, "worker")
		_, err := b.Begin(ctx, l, 3)
		b.must(err)
		for range 2 { // the second changes nothing
			got, err := b.Cancel(ctx, b.who, r.ID)
			b.must(err)
			if got.Status != research.Cancelled || b.used() != 0 {
				b.t.Errorf("cancelled as %s, %d places", got.Status, b.used())
			}
		}
		b.want(b.Progress(ctx, l, 1), errs.Conflict, "backtest_over")
		b.create() // the place is free again
	})
}

func TestLongReasonsAreCut(t *testing.T) {
	t.Parallel()
	each(t, "basic", func(b *bench) {
		r := b.create()
		l := b.take(r, "worker")
		b.must(b.Fail(b.t.Context(), l, strings.Repeat("ä", 2000)))
		if n := len([]rune(b.run(r.ID).Reason)); n != 500 {
			b.t.Errorf("the reason has %d characters", n)
		}
	})
}

// The newest runs are kept, and older ones go when one is made.
func TestKeep(t *testing.T) {
	t.Parallel()
	each(t, "basic", func(b *bench) {
		var ids []string
		for range 6 {
			r := b.create()
			b.must(b.Fail(b.t.Context(), b.take(r, "worker"), "x"))
			ids = append(ids, r.ID)
		}
		list, err := b.Runs(b.t.Context(), b.who, page.Page{})
		b.must(err)
		if len(list.Items) != 3 || list.Items[0].ID != ids[5] || list.Items[2].ID != ids[3] {
			b.t.Errorf("%d runs are kept", len(list.Items))
		}
	})
}
