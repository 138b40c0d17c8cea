package marketdata

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/lunobot/lunobot/exchange"
)

// FeedInterval is the length of the candles that a Feed delivers.
const FeedInterval = time.Minute

// feedMillis is FeedInterval in milliseconds.
const feedMillis = int64(FeedInterval / time.Millisecond)

// ErrStopped means that the feed was stopped.
var ErrStopped = errors.New("the market data feed is stopped")

// FeedConfig describes a feed.
type FeedConfig struct {
	// BackoffMax is the longest pause before an upstream stream is opened again.
	// Defaults to 30 s.
	BackoffMax time.Duration
	// BackoffMin is the first such pause; it doubles with each failure. Defaults
	// to 500 ms.
	BackoffMin time.Duration
	// History fills what the stream left out. Required.
	History exchange.MarketData
	// HistoryWait is how long a candle of the stream waits for the history to have the
	// candles before it, which may be late. A stream must bear to stand still as long.
	// Defaults to 15 s.
	HistoryWait time.Duration
	// Log tells of broken streams. Defaults to none.
	Log *slog.Logger
	// Mailbox is how many events wait for a subscriber before it is marked as
	// lagging. Defaults to 256.
	Mailbox int
	// Now is the venue's clock. Defaults to time.Now.
	Now func() time.Time
	// Rand returns a number from 0 to below 1 that spreads the pauses. Defaults
	// to the runtime's random numbers.
	Rand func() float64
	// Upstream is the venue's stream. Required.
	Upstream exchange.Streamer
}

func (c FeedConfig) withDefaults() FeedConfig {
	if c.BackoffMax == 0 {
		c.BackoffMax = 30 * time.Second
	}
	if c.BackoffMin == 0 {
		c.BackoffMin = 500 * time.Millisecond
	}
	if c.HistoryWait == 0 {
		c.HistoryWait = 15 * time.Second
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Mailbox == 0 {
		c.Mailbox = 256
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Rand == nil {
		c.Rand = rand.Float64
	}
	return c
}

func (c FeedConfig) validate() error {
	var problems []error
	check := func(ok bool, text string) {
		if !ok {
			problems = append(problems, errors.New(text))
		}
	}
	check(c.History != nil, "a history is required")
	check(c.Upstream != nil, "an upstream is required")
	check(c.Mailbox > 0, "the mailbox must hold at least one event")
	check(c.HistoryWait > 0, "the wait for the history must be above 0")
	check(c.BackoffMin > 0 && c.BackoffMin <= c.BackoffMax, "the pauses must be above 0 and the first no longer than the longest")
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("market data feed: %w", err)
	}
	return nil
}

// Feed shares one upstream stream per pair among many subscribers (rule M3).
// Every subscriber sees each closed one-minute candle once and in order: what
// comes twice is dropped, what the stream left out is read from the history, and
// a minute without a trade is a flat candle (rules M1, M4). A minute that the history
// leaves out was without a trade once the history has a later one; until then it may
// be late, and is waited for. It is safe for concurrent use.
type Feed struct {
	cfg FeedConfig
	// ctx is the life of the feed, which Stop ends.
	ctx    context.Context
	cancel context.CancelFunc

	// mu guards the fields below and is taken before a channel's own lock.
	mu       sync.Mutex
	stopped  bool
	channels map[string]*channel
	// ended holds for each pair the end of its last channel, which the next one
	// awaits.
	ended map[string]<-chan struct{}
	work  sync.WaitGroup
}

// NewFeed returns a feed; Stop ends it.
func NewFeed(cfg FeedConfig) (*Feed, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	f := &Feed{cfg: cfg, channels: make(map[string]*channel), ended: make(map[string]<-chan struct{})}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	return f, nil
}

// Subscribe delivers a pair's events from now on, until the subscription is
// closed. The candles include the first one that closes after the call; whoever
// needs older ones reads the history after Subscribe and then skips the candles
// that it has already. The error is ErrStopped.
func (f *Feed) Subscribe(pair string) (*Subscription, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stopped {
		return nil, ErrStopped
	}
	c := f.channels[pair]
	fresh := c == nil
	if fresh {
		c = newChannel(f.cfg, pair)
		f.channels[pair] = c
	}
	s := c.subscribe(f) // before the stream begins, or its first candles would be missed
	if fresh {
		before := f.ended[pair]
		f.ended[pair] = c.done
		ctx, cancel := context.WithCancel(f.ctx)
		c.cancel = cancel
		f.work.Go(func() {
			defer close(c.done)
			if before != nil {
				<-before
			}
			c.run(ctx)
		})
	}
	return s, nil
}

// Snapshot returns the present state of a pair; false if nobody is subscribed to
// it.
func (f *Feed) Snapshot(pair string) (Snapshot, bool) {
	f.mu.Lock()
	c := f.channels[pair]
	f.mu.Unlock()
	if c == nil {
		return Snapshot{}, false
	}
	return c.snapshot(), true
}

// Stop closes all subscriptions and returns when every goroutine has ended. It
// may be called more than once.
func (f *Feed) Stop() {
	f.mu.Lock()
	f.stopped = true
	channels := f.channels
	f.channels = make(map[string]*channel)
	f.mu.Unlock()
	f.cancel()
	f.work.Wait()
	for _, c := range channels {
		c.closeAll()
	}
}

// leave takes a subscriber away, and the channel with the last one.
func (f *Feed) leave(s *Subscription) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s.channel.unsubscribe(s) == 0 && f.channels[s.channel.pair] == s.channel {
		s.channel.cancel()
		delete(f.channels, s.channel.pair)
	}
}
