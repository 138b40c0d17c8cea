package marketdata

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/lunobot/lunobot/exchange"
)

// repairLimit is how many candles are asked of the history at a time.
const repairLimit = 1000

// errEnded is a stream that ended without saying why.
var errEnded = errors.New("the stream ended")

// channel is the one upstream stream of a pair with all its subscribers.
type channel struct {
	cfg     FeedConfig
	backoff exchange.Backoff
	pair    string
	cancel  context.CancelFunc
	done    chan struct{}
	// last is the opening time of the newest candle that was delivered. It
	// belongs to the goroutine of run.
	last int64
	// tape are the trades since the last candle of the stream, and sequence is the
	// highest of all; they belong to the goroutine of run, too.
	tape     []exchange.Trade
	sequence int64

	mu          sync.Mutex
	state       Snapshot
	subscribers []*Subscription
	prices      prices
}

func newChannel(cfg FeedConfig, pair string) *channel {
	return &channel{
		cfg: cfg, backoff: exchange.Backoff{Min: cfg.BackoffMin, Max: cfg.BackoffMax, Rand: cfg.Rand}, pair: pair, done: make(chan struct{}), state: Snapshot{Pair: pair},
		// One candle more than promised: a clock that is a little ahead of the
		// venue's must not cost one.
		last: floor(cfg.Now().UnixMilli(), feedMillis) - 2*feedMillis,
	}
}

func (c *channel) subscribe(f *Feed) *Subscription {
	s := &Subscription{feed: f, channel: c, events: make(chan Event, c.cfg.Mailbox+1)}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.subscribers = append(c.subscribers, s)
	return s
}

// unsubscribe closes a mailbox and returns how many subscribers are left.
func (c *channel) unsubscribe(s *Subscription) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := slices.Index(c.subscribers, s); i >= 0 {
		c.subscribers = slices.Delete(c.subscribers, i, i+1)
		close(s.events)
	}
	return len(c.subscribers)
}

func (c *channel) closeAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.subscribers {
		close(s.events)
	}
	c.subscribers = nil
}

func (c *channel) snapshot() Snapshot {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// run keeps the stream open until ctx ends.
func (c *channel) run(ctx context.Context) {
	defer c.still()
	for failures := 0; ; {
		seen, opened := c.snapshot().Seen, time.Now()
		err := c.stream(ctx)
		if ctx.Err() != nil {
			return
		}
		var worked, pause time.Duration
		if c.disconnected(err).After(seen) {
			worked = time.Since(opened)
		}
		pause, failures = c.backoff.Next(failures, worked)
		c.cfg.Log.Warn("market data stream broke", slog.String("pair", c.pair),
			slog.Duration("pause", pause), slog.Any("error", err))
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

func (c *channel) disconnected(err error) (seen time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state.Connected, c.state.Err, c.state.Top = false, err, exchange.Top{}
	return c.state.Seen
}

// stream reads what was missed, then opens the stream and stays with it until it
// breaks.
func (c *channel) stream(ctx context.Context) error {
	if _, err := c.repair(ctx, math.MaxInt64); err != nil {
		return err
	}
	c.mu.Lock()
	c.state.Connected, c.state.Err = true, nil
	c.mu.Unlock()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	err := c.cfg.Upstream.Stream(ctx, c.pair, func(e exchange.StreamEvent) {
		if ctx.Err() != nil {
			return
		}
		if err := c.take(ctx, e); err != nil {
			cancel(err)
		}
	})
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if err == nil {
		err = errEnded
	}
	return fmt.Errorf("stream of %s: %w", c.pair, err)
}

// take handles one event of the stream.
func (c *channel) take(ctx context.Context, e exchange.StreamEvent) error {
	if e.Candle == nil {
		if e.Tick != nil && !c.note(*e.Tick) {
			return nil
		}
		c.deliver(Event{StreamEvent: e}, true)
		return nil
	}
	if e.Candle.Time <= c.last {
		return nil
	}
	if e.Candle.Time > c.last+feedMillis {
		if err := c.bridge(ctx, *e.Candle); err != nil {
			return err
		}
	}
	c.last = e.Candle.Time
	ev := Event{StreamEvent: e, Trades: c.cut(e.Candle.Time), Book: c.snapshot().Top}
	ev.Low, ev.High = c.believed(e.Candle, ev.Trades)
	c.deliver(ev, true)
	return nil
}

// maxTape bounds the trades that wait for their candle; later ones are left out,
// which the volumes show.
const maxTape = 20_000

// note puts a trade on the tape; false if it is there already (rule M1).
func (c *channel) note(t exchange.Tick) bool {
	if t.Sequence != 0 {
		if t.Sequence <= c.sequence {
			return false
		}
		c.sequence = t.Sequence
	}
	if len(c.tape) < maxTape {
		c.tape = append(c.tape, t.Trade(c.pair))
	}
	return true
}

// cut takes the trades of the candle of a time off the tape, and those before.
func (c *channel) cut(start int64) []exchange.Trade {
	after := func(t int64) int {
		i := slices.IndexFunc(c.tape, func(x exchange.Trade) bool { return x.Time >= t })
		if i < 0 {
			return len(c.tape)
		}
		return i
	}
	from, to := after(start), after(start+feedMillis)
	trades := c.tape[from:to:to]
	c.tape = slices.Clone(c.tape[to:]) // what was taken belongs to the subscribers
	return trades
}

// firstPause is the one after which the history is asked again for what it may be late
// with; it doubles.
const firstPause = time.Second

// bridge delivers the candles after the last one and before the stream's next one. Those
// that the history leaves out are flat, once it is known to be that far: a flat candle
// where somebody traded would be a lie. If it stays behind a candle in which was traded,
// that is an error, and the stream begins anew; if the next candle is flat too, the
// history may never have it, and the market is taken for quiet.
func (c *channel) bridge(ctx context.Context, next exchange.Candle) error {
	begun := time.Now()
	for pause := firstPause; ; pause *= 2 {
		known, err := c.repair(ctx, next.Time)
		if err != nil {
			return err
		}
		left := c.cfg.HistoryWait - time.Since(begun)
		switch {
		case known:
			c.fillFlat(next.Time)
			return nil
		case left <= 0 && !next.IsFlat():
			return fmt.Errorf("history of %s: it has nothing after the candle of %s yet, and the stream is at that of %s",
				c.pair, time.UnixMilli(c.last).UTC().Format(time.RFC3339), next.OpenTime().Format(time.RFC3339))
		case left <= 0:
			c.cfg.Log.Warn("minutes that the history does not have are taken for quiet", slog.String("pair", c.pair), slog.Int64("minutes", (next.Time-c.last)/feedMillis-1))
			c.fillFlat(next.Time)
			return nil
		}
		timer := time.NewTimer(min(pause, left))
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

// repair delivers the candles after the last one and before until from the history,
// and flat ones for the minutes between them that it leaves out: nothing was traded in
// those. It reports whether all before until is known.
func (c *channel) repair(ctx context.Context, until int64) (known bool, err error) {
	for c.last+feedMillis < until {
		since := c.last + feedMillis
		candles, err := c.cfg.History.Candles(ctx, c.pair, FeedInterval, time.UnixMilli(since).UTC(), repairLimit)
		if err != nil {
			return false, fmt.Errorf("history of %s: %w", c.pair, err)
		}
		for _, candle := range candles {
			switch {
			case candle.Time >= until:
				return true, nil
			case candle.Time <= c.last:
				continue
			}
			c.fillFlat(candle.Time)
			c.last = candle.Time
			c.deliver(Event{StreamEvent: exchange.StreamEvent{Candle: &candle}}, false)
		}
		if c.last < since {
			return false, nil
		}
	}
	return true, nil
}

// fillFlat delivers a flat candle for each minute after the last candle and
// before until; without a candle before there is no price for them.
func (c *channel) fillFlat(until int64) {
	closed := c.snapshot().Closed
	if closed.Time == 0 {
		return
	}
	for c.last+feedMillis < until {
		c.last += feedMillis
		flat := exchange.Flat(c.last, closed.Close)
		c.deliver(Event{StreamEvent: exchange.StreamEvent{Candle: &flat}}, false)
	}
}

// deliver takes an event into the snapshot and puts it into every mailbox; the top
// of the book, which changes all the time, only into the snapshot. The stream's
// own events tell that the stream is alive, those of the history do not.
func (c *channel) deliver(e Event, live bool) {
	now := c.cfg.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case e.Candle != nil:
		c.state.addCandle(*e.Candle)
		if quiet := c.closes(e.Candle, live); quiet > 0 {
			e.Low, e.High = quiet, quiet
		}
	case e.Tick != nil:
		c.state.addTick(*e.Tick)
		c.traded(*e.Tick)
	case e.Top != nil:
		c.state.Top = *e.Top
		c.confirm(max(e.Top.Time, c.state.Last.Time))
	case e.Status != "":
		c.state.Status = e.Status
	}
	if live {
		c.state.Seen = now
	}
	if e.Top != nil {
		return
	}
	for _, s := range c.subscribers {
		s.push(e)
	}
}
