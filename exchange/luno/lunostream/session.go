package lunostream

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/lunobot/lunobot/exchange"
)

// session is one connection of a source.
type session struct {
	cfg    SourceConfig
	pair   string
	stream *Market
	tape   *tape
	sink   func(exchange.StreamEvent)

	top exchange.Top
	// heard is the venue's time of the last change.
	heard int64
	// ahead is how far this machine's clock is ahead of the venue's, at most; it
	// is not known before the first change.
	ahead int64
	timed bool
	// joined is false until the trades before the stream are known; those of the
	// stream are held until then.
	joined bool
	held   []exchange.Tick
	// asking is true while a question is on its way; the next one is asked not
	// before retry.
	asking bool
	retry  time.Time
	// behind is since when the venue tells what the stream does not.
	behind time.Time
}

// arrival is a change and when it arrived, or what ended the stream.
type arrival struct {
	Change
	at  time.Time
	err error
}

// reply is what the venue tells over REST.
type reply struct {
	ticker exchange.Ticker
	trades []exchange.Trade
	// end is when the last minute ended that the answer covers.
	end int64
	err error
}

// arrivals is how many changes may wait while the sink is busy.
const arrivals = 1024

func (s *session) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var work sync.WaitGroup
	defer work.Wait()
	defer s.stream.Close() // ends the reading
	defer cancel()
	came, replies := make(chan arrival, arrivals), make(chan reply, 1)
	status := s.stream.Book().Status()
	s.top, s.heard = s.stream.Book().Top(), s.stream.Book().Time()
	s.retry = s.cfg.Now().Add(s.cfg.Settle)
	work.Go(func() { s.read(ctx, came) }) // the book is its from here on
	s.sink(exchange.StreamEvent{Status: status})
	s.sink(exchange.StreamEvent{Top: new(s.top)})
	timer := time.NewTimer(s.wait())
	defer timer.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return ctx.Err()
		case a := <-came:
			err = s.change(a)
		case r := <-replies:
			s.asking = false
			err = s.answer(r)
		case <-timer.C:
			if s.wait() == 0 {
				s.asking = true
				after, end := s.tape.sequence, s.venueNow()-s.cfg.Grace.Milliseconds()
				end -= end % minute
				work.Go(func() { replies <- s.ask(ctx, after, end) })
			}
		}
		if err != nil {
			return err
		}
		timer.Reset(s.wait())
	}
}

// read passes on what the stream tells until it ends.
func (s *session) read(ctx context.Context, to chan<- arrival) {
	for {
		c, err := s.stream.Next()
		select {
		case to <- arrival{Change: c, at: s.cfg.Now(), err: err}:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// ask asks the venue what it knows. The ticker comes first: what is traded after
// it is among the trades.
func (s *session) ask(ctx context.Context, after, end int64) reply {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.StaleAfter)
	defer cancel()
	ticker, err := s.cfg.Venue.Ticker(ctx, s.pair)
	if err != nil {
		return reply{err: err}
	}
	trades, err := s.cfg.Venue.Trades(ctx, s.pair, after, tradePage)
	return reply{ticker: ticker, trades: trades, end: end, err: err}
}

// venueNow is the venue's time, as far as it is known; it is never ahead of it.
func (s *session) venueNow() int64 {
	now := s.cfg.Now().UnixMilli()
	if s.timed {
		now -= s.ahead
	}
	return now
}

// wait is how long until the next question; 0 if it is time.
func (s *session) wait() time.Duration {
	const never = time.Hour
	if s.asking {
		return never
	}
	d := s.retry.Sub(s.cfg.Now())
	if s.joined && s.behind.IsZero() {
		due := time.Duration(s.tape.end()-s.venueNow())*time.Millisecond + s.cfg.Grace
		d = max(d, due)
	}
	return max(0, d)
}

// change takes what the stream tells.
func (s *session) change(a arrival) error {
	if a.err != nil {
		return a.err
	}
	late := a.at.UnixMilli() - a.Time
	if !s.timed || late < s.ahead {
		s.ahead, s.timed = late, true
	}
	if lag := time.Duration(late-s.ahead) * time.Millisecond; lag > s.cfg.StaleAfter {
		return &StaleError{Pair: s.pair, For: lag, Missing: "its messages come that late"}
	}
	s.heard = max(s.heard, a.Time)
	if s.joined {
		s.tape.advance(a.Time, s.sink)
	}
	if a.Status != "" {
		s.sink(exchange.StreamEvent{Status: a.Status})
	}
	for _, t := range a.Ticks {
		if s.joined {
			s.tape.hand(t, s.sink)
		} else {
			s.held = append(s.held, t)
		}
	}
	if !a.Top.Equal(s.top) {
		s.top = a.Top
		s.sink(exchange.StreamEvent{Top: new(a.Top)})
	}
	return nil
}

// answer takes what the venue told.
func (s *session) answer(r reply) error {
	now := s.cfg.Now()
	if !s.joined {
		if r.err != nil {
			return r.err // without the trades before it the stream is of no use
		}
		if err := s.tape.join(r.trades, r.ticker.Last, s.venueNow(), s.sink); err != nil {
			return err
		}
		for _, t := range s.held {
			s.tape.hand(t, s.sink)
		}
		s.held, s.joined = nil, true
		s.tape.advance(s.heard, s.sink)
		return nil
	}
	s.retry = now.Add(s.cfg.Grace)
	missing := s.missing(r)
	switch {
	case r.err != nil:
		s.cfg.Log.Warn("whether a market is quiet was not told", slog.String("pair", s.pair), slog.Any("error", r.err))
	case missing == "":
		s.behind = time.Time{}
		s.tape.advance(r.end, s.sink)
	case s.behind.IsZero():
		s.behind = now
	case now.Sub(s.behind) >= s.cfg.StaleAfter:
		return &StaleError{Pair: s.pair, For: now.Sub(s.behind), Missing: missing}
	}
	return nil
}

// missing says what the venue tells and the stream does not; "" if nothing.
func (s *session) missing(r reply) string {
	if n := len(r.trades); n > 0 && r.trades[n-1].Sequence > s.tape.sequence {
		return "it has not told of trades that the venue lists"
	}
	if r.ticker.Time > s.heard && (r.ticker.Bid != s.top.Bid.Price || r.ticker.Ask != s.top.Ask.Price) {
		return "the venue has another bid or ask, and a later one"
	}
	return ""
}
