package exchangetest_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/exchangetest"
	"github.com/lunobot/lunobot/exchange/paper"
)

// openRemote opens a paper exchange that has every capability: the missing ones are
// played in process, as a venue at the other end of a wire would show them. What
// breaks a promise is tried on it.
func openRemote(t testing.TB) *exchangetest.Bench {
	t.Helper()
	h := openHall(t)
	r := &remote{Member: h.ann, bob: h.bob, now: h.clock.Now}
	s := &stream{hall: h, cut: make(chan struct{})}
	return &exchangetest.Bench{
		Ann: r, Bob: h.bob, Data: &history{h}, Quotes: h.Exchange, Market: h.market, Price: 400_000, Lot: 1000,
		Now: h.clock.Now, Advance: h.clock.Advance, Inject: r.inject, KeyChecker: r, Ledger: h.book,
		Streamer: s, AccountStreamer: &accountStream{stream: s, book: h.book}, Cut: s.end,
		SetStatus: func(status exchange.MarketStatus) {
			if err := h.SetStatus(h.market.Pair, status); err != nil {
				t.Error(err)
			}
		},
	}
}

// everything lists all capabilities.
func everything() []exchangetest.Capability {
	var all []exchangetest.Capability
	for _, c := range exchangetest.Cards() {
		all = append(all, c.Needs...)
	}
	return all
}

// remote is a member whose calls can suffer faults.
type remote struct {
	*paper.Member
	bob exchange.Trader
	now func() time.Time

	mu    sync.Mutex
	fault exchangetest.Capability
	late  func()
	// hidden is how often the newest fill is not told, and revoked that the key is
	// refused.
	hidden  int
	revoked bool
}

func (r *remote) inject(fault exchangetest.Capability) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch fault {
	case exchangetest.FillsLate:
		r.hidden = 2
	case exchangetest.KeyRevoked:
		r.revoked = true
	default: // a lost message cannot hurt a stream that has none, nor a lost question one that asks itself
		r.fault = fault
	}
}

// refuses returns the refusal of a key that was revoked.
func (r *remote) refuses() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.revoked {
		return exchange.Rejected("ErrApiKeyRevoked", "the key was revoked")
	}
	return nil
}

func (r *remote) take() exchangetest.Capability {
	r.mu.Lock()
	defer r.mu.Unlock()
	fault := r.fault
	r.fault = ""
	return fault
}

func (r *remote) Place(ctx context.Context, q exchange.OrderRequest) (exchange.Order, error) {
	if err := r.refuses(); err != nil {
		return exchange.Order{}, err
	}
	fault := r.take()
	lost := &exchange.Error{Message: string(fault), Expires: r.now().UnixMilli() + 10_000}
	switch fault {
	case exchangetest.AnswerLost, exchangetest.AnswerGarbled:
		if _, err := r.Member.Place(ctx, q); err != nil {
			return exchange.Order{}, err
		}
		return exchange.Order{}, lost
	case exchangetest.RequestLost:
		return exchange.Order{}, lost
	case exchangetest.Busy:
		lost.Code = exchange.CodeTooManyRequests
		return exchange.Order{}, lost
	case exchangetest.TakenLate:
		r.mu.Lock()
		r.late = func() { _, _ = r.Member.Place(ctx, q) } // the card looks whether it is there
		r.mu.Unlock()
		return exchange.Order{}, lost
	default:
		return r.Member.Place(ctx, q)
	}
}

// Order looks an order up; one that is taken late is taken after that.
func (r *remote) Order(ctx context.Context, pair, clientID string) (exchange.Order, error) {
	o, err := r.Member.Order(ctx, pair, clientID)
	r.mu.Lock()
	late := r.late
	r.late = nil
	r.mu.Unlock()
	if late != nil {
		late()
	}
	return o, err
}

func (r *remote) Cancel(ctx context.Context, pair, id string) error {
	if err := r.refuses(); err != nil {
		return err
	}
	fault := r.take()
	if fault == exchangetest.FilledFirst {
		o, err := r.Member.OrderByID(ctx, pair, id)
		if err != nil {
			return err
		}
		q := o.Request
		q.ClientID, q.Side, q.Volume = "first", q.Side.Opposite(), q.Volume/2
		if _, err := r.bob.Place(ctx, q); err != nil {
			return err
		}
	}
	err := r.Member.Cancel(ctx, pair, id)
	if fault == exchangetest.CancelLost && err == nil {
		return &exchange.Error{Message: "the cancel's answer is lost"}
	}
	return err
}

// Fills leaves the newest one out while it is late.
func (r *remote) Fills(ctx context.Context, pair string, after int64, limit int) ([]exchange.Fill, error) {
	list, err := r.Member.Fills(ctx, pair, after, limit)
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(list); n > 0 && r.hidden > 0 {
		r.hidden--
		list = list[:n-1]
	}
	return list, err
}

// Balances names the account of each currency.
func (r *remote) Balances(ctx context.Context) ([]exchange.Balance, error) {
	if err := r.refuses(); err != nil {
		return nil, err
	}
	list, err := r.Member.Balances(ctx)
	for i := range list {
		list[i].Account = list[i].Currency
	}
	return list, err
}

func (r *remote) CheckKey(ctx context.Context) (exchange.KeyReport, error) {
	held, err := r.Balances(ctx)
	return exchange.KeyReport{Balances: held, Rights: []exchange.Right{
		{Name: "trade", Meaning: "place and cancel orders", Need: exchange.Required, Known: exchange.Granted, Reason: "it is a member"},
		{Name: "send", Meaning: "move money away", Need: exchange.Forbidden, Known: exchange.Denied, Reason: "no member can"},
	}}, err
}

// history is the public side, with candles made of the tape.
type history struct{ *hall }

func (h *history) Candles(ctx context.Context, pair string, interval time.Duration, since time.Time, limit int) ([]exchange.Candle, error) {
	tape, err := h.Trades(ctx, pair, 0, 1000)
	if err != nil {
		return nil, err
	}
	var out []exchange.Candle
	for _, k := range tape {
		opens := time.UnixMilli(k.Time).Truncate(interval)
		if opens.Before(since) || opens.Add(interval).After(h.clock.Now()) {
			continue
		}
		one := exchange.Candle{Time: opens.UnixMilli(), Open: k.Price, High: k.Price, Low: k.Price, Close: k.Price, Volume: k.Volume}
		if n := len(out); n > 0 && out[n-1].Time == one.Time {
			out[n-1] = exchange.Merge(out[n-1], one)
			continue
		}
		out = append(out, one)
	}
	return out[:min(len(out), limit)], nil
}

// stream is the market's stream. It tells what is new since it told last, so that a
// break changes nothing.
type stream struct {
	hall *hall

	mu   sync.Mutex
	cut  chan struct{}
	last int64
	top  exchange.Top
}

var errCut = errors.New("the connection is cut")

func (s *stream) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.cut)
	s.cut = make(chan struct{})
}

func (s *stream) connection() chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cut
}

func (s *stream) Stream(ctx context.Context, pair string, sink func(exchange.StreamEvent)) error {
	cut, wake := s.connection(), make(chan struct{}, 1)
	_, stop, err := s.hall.Watch(pair, func(paper.BookUpdate) {
		select {
		case wake <- struct{}{}:
		default:
		}
	})
	if err != nil {
		return err
	}
	defer stop()
	for {
		select {
		case <-cut: // before anything that happened after it
			return errCut
		default:
		}
		trades, err := s.hall.Trades(ctx, pair, s.last, 1000)
		if err != nil {
			return err
		}
		for _, k := range trades {
			sink(exchange.StreamEvent{Tick: &exchange.Tick{Time: k.Time, Price: k.Price, Volume: k.Volume, Sequence: k.Sequence, Taker: k.Taker}})
			s.last = k.Sequence
		}
		book, err := s.hall.OrderBook(ctx, pair, 1)
		if err != nil {
			return err
		}
		top := exchange.Top{Time: book.Time}
		if len(book.Bids) > 0 {
			top.Bid = book.Bids[0]
		}
		if len(book.Asks) > 0 {
			top.Ask = book.Asks[0]
		}
		if !top.Equal(s.top) {
			s.top = top
			sink(exchange.StreamEvent{Top: &top})
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-cut:
			return errCut
		case <-wake:
		}
	}
}

// bookkeeper notes what happens to Ann: her ledger and her stream.
type bookkeeper struct {
	mu     sync.Mutex
	events []exchange.AccountEvent
	rows   map[string][]exchange.LedgerEntry
	wake   []chan struct{}
}

// hear is called under the exchange's lock.
func (b *bookkeeper) hear(e paper.MemberEvent) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case e.Posting != nil:
		p := e.Posting
		if b.rows == nil {
			b.rows = make(map[string][]exchange.LedgerEntry)
		}
		row := int64(len(b.rows[p.Currency]) + 1)
		b.rows[p.Currency] = append(b.rows[p.Currency], exchange.LedgerEntry{
			Account: p.Currency, Currency: p.Currency, Row: row, Time: p.Time, Delta: p.TotalDelta, Balance: p.Total,
			AvailableDelta: p.FreeDelta, Available: p.Free, Kind: string(p.Kind), Reference: p.OrderID, Pair: p.Pair, Sequence: p.Trade.Sequence,
		})
		b.events = append(b.events, exchange.AccountEvent{Balance: &exchange.BalanceUpdate{Account: p.Currency, Row: row, Total: p.Total, Free: p.Free, Time: p.Time}})
	default:
		o := e.Order
		u := &exchange.OrderUpdate{Pair: o.Request.Pair, OrderID: o.ID, ClientID: o.Request.ClientID, Time: o.Created}
		if e.Fill == nil {
			u.Status = o.Status
		} else {
			u.Executed, u.Filled, u.Value, u.Fee, u.FeeBase = true, o.Filled, o.Value, o.Fee, o.FeeBase
		}
		b.events = append(b.events, exchange.AccountEvent{Order: u})
	}
	for _, w := range b.wake {
		select {
		case w <- struct{}{}:
		default:
		}
	}
}

func (b *bookkeeper) Entries(_ context.Context, account string, after int64, limit int) ([]exchange.LedgerEntry, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	rows := b.rows[account]
	after = min(after, int64(len(rows)))
	rows = rows[after:]
	return append([]exchange.LedgerEntry(nil), rows[:min(limit, len(rows))]...), nil
}

// accountStream tells what is noted from its beginning on.
type accountStream struct {
	stream *stream
	book   *bookkeeper
}

func (s *accountStream) StreamAccount(ctx context.Context, sink func(exchange.AccountEvent)) error {
	cut, wake := s.stream.connection(), make(chan struct{}, 1)
	s.book.mu.Lock()
	at := len(s.book.events)
	s.book.wake = append(s.book.wake, wake)
	s.book.mu.Unlock()
	sink(exchange.AccountEvent{Connected: true})
	for {
		s.book.mu.Lock()
		news := s.book.events[at:]
		at = len(s.book.events)
		s.book.mu.Unlock()
		for _, e := range news {
			sink(e)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-cut:
			return errCut
		case <-wake:
		}
	}
}

// TestAllCards runs every card over a venue that keeps all promises.
func TestAllCards(t *testing.T) {
	t.Parallel()
	exchangetest.Exercise(t, exchangetest.Venue{Name: "remote paper exchange", Has: everything(), Open: openRemote})
}
