package replay_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/replay"
	"github.com/lunobot/lunobot/strategy"
)

// begin starts a worker on a replay that waits.
func (w *world) begin(change func(*replay.Config)) *replay.Worker {
	w.t.Helper()
	cfg := replay.Config{History: w.market, MarketNow: w.market.Now, Now: time.Now, Plugins: w, Store: w, Poll: time.Millisecond, Every: time.Millisecond}
	change(&cfg)
	worker, err := replay.NewWorker(cfg)
	w.must(err)
	worker.Start(w.t.Context())
	w.t.Cleanup(worker.Stop)
	return worker
}

// ask puts a replay into the queue.
func (w *world) ask() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now, w.over = replay.Replay{TenantID: "t", BotID: "b", Status: replay.Queued}, make(chan struct{})
}

// await waits until ok, which the world is locked for.
func (w *world) await(ctx context.Context, what string, ok func() bool) error {
	for late := time.After(30 * time.Second); ; {
		w.mu.Lock()
		done := ok()
		w.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		case <-late:
			w.t.Errorf("waited too long for %s", what)
			return errors.New("too long")
		}
	}
}

// A worker that is stopped while it makes a report gives it back as if it had not
// begun it, however often that happens.
func TestAPlannedStopIsNoAttempt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.live(1, 100, 400, `{"fast":3,"slow":8}`)
	reached := make(chan struct{})
	w.hold = func(ctx context.Context, _ uint64) error {
		select {
		case reached <- struct{}{}:
		case <-ctx.Done():
		}
		<-ctx.Done()
		return ctx.Err()
	}
	w.ask()
	for range 4 {
		worker := w.begin(func(c *replay.Config) { c.Attempts = 2 })
		<-reached
		worker.Stop()
		w.mu.Lock()
		got := w.now
		w.mu.Unlock()
		if got.Status != replay.Queued || got.Attempt != 0 {
			t.Fatalf("after a stop it is %s with %d attempts", got.Status, got.Attempt)
		}
	}
	w.hold = nil
	w.begin(func(c *replay.Config) { c.Attempts = 2 })
	<-w.over
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.now.Status != replay.Done || w.now.Attempt != 1 {
		t.Errorf("%+v", w.now)
	}
}

// changed is a history with one candle that bots saw otherwise.
type changed struct {
	exchange.MarketData
	at int64
}

// Candles implements exchange.MarketData.
func (c changed) Candles(ctx context.Context, pair string, interval time.Duration, since time.Time, limit int) ([]exchange.Candle, error) {
	list, err := c.MarketData.Candles(ctx, pair, interval, since, limit)
	list = slices.Clone(list)
	for i := range list {
		if list[i].Time == c.at {
			list[i].Volume++
		}
	}
	return list, err
}

// A claim is made to last as long as the worker is at it: in the passes after the
// first one too, which tell no progress.
func TestTheClaimLastsThroughEveryPass(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(w *world, c *replay.Config){
		"over what was seen": func(*world, *replay.Config) {},
		"over the history as it is now": func(w *world, c *replay.Config) {
			c.History = changed{w.market, w.seen[50].Time}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.live(1, 100, 400, `{"fast":3,"slow":8}`)
			bots := map[uint64]bool{}
			w.hold = func(ctx context.Context, bot uint64) error {
				if bots[bot] {
					return nil
				}
				bots[bot] = true // the first round of a pass takes long
				w.mu.Lock()
				notes := w.notes
				w.mu.Unlock()
				return w.await(ctx, "the claim to be made longer", func() bool { return w.notes > notes+2 })
			}
			w.ask()
			w.begin(func(c *replay.Config) {
				c.Claim = 20 * time.Millisecond
				change(w, c)
			})
			<-w.over
			w.mu.Lock()
			defer w.mu.Unlock()
			if w.now.Status != replay.Done || w.now.Report.Difference != nil {
				t.Errorf("%+v", w.now)
			}
			if want := 1 + len(w.now.Report.Events); len(bots) != want {
				t.Errorf("%d passes, want %d", len(bots), want)
			}
		})
	}
}

// A worker whose replay another one has begun anew leaves it to that one.
func TestALostReplayIsLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.live(1, 100, 400, `{"fast":3,"slow":8}`)
	left := make(chan struct{})
	w.hold = func(ctx context.Context, _ uint64) error {
		w.mu.Lock()
		w.now.Attempt, w.now.Reason = 7, "another's"
		w.mu.Unlock()
		<-ctx.Done()
		close(left)
		return ctx.Err()
	}
	w.ask()
	worker := w.begin(func(c *replay.Config) { c.Claim = 20 * time.Millisecond })
	<-left // by itself: nobody has stopped the worker
	worker.Stop()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.now.Status != replay.Running || w.now.Attempt != 7 || w.now.Reason != "another's" {
		t.Errorf("%+v", w.now)
	}
}

// forgetful is a market that does not tell the trades of the past.
type forgetful struct{ exchange.MarketData }

func (forgetful) TradesBetween(context.Context, string, time.Time, time.Time) ([]exchange.Trade, error) {
	return nil, exchange.ErrTradesNotKept
}

// A bot that listened to trades which nobody keeps is not replayed without them as if it
// had heard none; its tenant is told why.
func TestTradesThatNobodyKeeps(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.live(1, 100, 200, `{"fast":3,"slow":8}`)
	w.sees = strategy.Subscription{Trades: true}
	r := w.report(func(cfg *replay.Config) { cfg.History = forgetful{w.market} })
	if r.Status != replay.Failed || !strings.Contains(r.Reason, "what the bot heard cannot be replayed") {
		t.Errorf("the replay is %s: %s", r.Status, r.Reason)
	}
}
