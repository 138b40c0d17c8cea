package lunostream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/luno"
)

// Venue is what a source asks over REST. *luno.Client is one.
type Venue interface {
	exchange.Quotes
	// Market returns the rules of one market.
	Market(ctx context.Context, pair string) (exchange.Market, error)
}

var _ Venue = (*luno.Client)(nil)

// SourceConfig describes a source.
type SourceConfig struct {
	// Dialer opens the streams. Required.
	Dialer *Dialer
	// Forget is how long a pair may be away before its stream begins anew, without
	// the trades between. Defaults to 10 minutes.
	Forget time.Duration
	// Grace is how long after the end of a minute the stream may say nothing
	// before the venue is asked whether the minute was quiet. It must be longer
	// than the venue's answers are old. Defaults to 5 s.
	Grace time.Duration
	// Log hears of trades that are lost and of questions that got no answer.
	// Defaults to nobody.
	Log *slog.Logger
	// Now is this machine's clock. Defaults to time.Now.
	Now func() time.Time
	// Settle is how long after the opening of a stream the venue is asked for the
	// trades before it: its answers may be a second old. Defaults to 2 s.
	Settle time.Duration
	// StaleAfter is how long a stream may be behind the venue, and how long a
	// question may take. Defaults to 30 s.
	StaleAfter time.Duration
	// Venue is asked for the trades that the stream left out, and whether a quiet
	// market is quiet (rule M2): two calls each time a stream begins and for each
	// minute in which it says nothing. Required.
	Venue Venue
}

func (c SourceConfig) withDefaults() SourceConfig {
	if c.Forget == 0 {
		c.Forget = 10 * time.Minute
	}
	if c.Grace == 0 {
		c.Grace = 5 * time.Second
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Settle == 0 {
		c.Settle = 2 * time.Second
	}
	if c.StaleAfter == 0 {
		c.StaleAfter = 30 * time.Second
	}
	return c
}

func (c SourceConfig) validate() error {
	var problems []error
	check := func(ok bool, text string) {
		if !ok {
			problems = append(problems, errors.New(text))
		}
	}
	check(c.Dialer != nil, "a dialer is required")
	check(c.Venue != nil, "a venue is required")
	check(c.Forget > 0 && c.Grace > 0 && c.Settle > 0 && c.StaleAfter > 0, "all times must be above 0")
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("luno source: %w", err)
	}
	return nil
}

// Source is the live source of a marketdata.Feed. Each Stream is one connection,
// which the feed opens again when it breaks; what is remembered between them
// makes that nobody notices:
//
//   - every trade is told once, by its sequence; those that happened while there
//     was no connection are read over REST (rule M1);
//   - the candle of a minute is built from all trades of it. Where some cannot be
//     had any more there is none, and the feed reads it from the history (rule M4);
//   - a minute ends when the stream tells of a later time. If it says nothing, the
//     venue is asked, and only where nothing is missing the minute was quiet: then
//     its candle is flat. A stream that has not told what the venue tells is a
//     *StaleError (rule M2).
//
// It is safe for concurrent use, with one stream a pair at a time.
type Source struct {
	cfg SourceConfig

	mu    sync.Mutex
	tapes map[string]*tape
	open  map[string]bool
}

var _ exchange.Streamer = (*Source)(nil)

// NewSource returns a source; the error names all that is wrong with cfg.
func NewSource(cfg SourceConfig) (*Source, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	return &Source{cfg: cfg, tapes: make(map[string]*tape), open: make(map[string]bool)}, nil
}

// Stream implements exchange.Streamer. It never returns nil.
func (s *Source) Stream(ctx context.Context, pair string, sink func(exchange.StreamEvent)) error {
	t, err := s.lend(pair)
	if err != nil {
		return err
	}
	defer s.giveBack(pair)
	m, err := s.cfg.Venue.Market(ctx, pair)
	if err != nil {
		return fmt.Errorf("opening the stream of %s: %w", pair, err)
	}
	stream, err := s.cfg.Dialer.Market(ctx, m)
	if err != nil {
		return err
	}
	defer stream.Close()
	return (&session{cfg: s.cfg, pair: pair, stream: stream, tape: t, sink: sink}).run(ctx)
}

// lend hands out the tape of a pair.
func (s *Source) lend(pair string) (*tape, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[pair] {
		return nil, fmt.Errorf("opening the stream of %s: it is open already, and one is enough for all", pair)
	}
	s.open[pair] = true
	t := s.tapes[pair]
	if t == nil || s.cfg.Now().UnixMilli()-t.now > s.cfg.Forget.Milliseconds() {
		t = newTape(pair, s.cfg.Log)
		s.tapes[pair] = t
	}
	return t, nil
}

func (s *Source) giveBack(pair string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, pair)
}
