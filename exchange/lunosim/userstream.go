package lunosim

import (
	"net/http"
	"strconv"
	"sync"

	"github.com/lunobot/lunobot/exchange/paper"
)

// maxFeed bounds what is kept of an account's feed, however much happens.
const maxFeed = 50_000

// userEvent is something that happened to an account.
type userEvent struct {
	paper.MemberEvent
	// ledger and row are where a posting was booked.
	ledger, row int64
	time        int64
}

// feed is what happened to an account of late.
type feed struct {
	now  func() int64
	keep int64

	mu     sync.Mutex
	events []userEvent
	// first is the number of the first event that is kept; they count from 1.
	first int64
	wake  []chan struct{}
}

func (f *feed) add(e userEvent) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e.time = f.now()
	if f.first == 0 {
		f.first = 1
	}
	drop := 0
	for drop < len(f.events) && (f.events[drop].time < e.time-f.keep || len(f.events)-drop >= maxFeed) {
		drop++
	}
	f.events, f.first = append(f.events[drop:], e), f.first+int64(drop)
	for _, w := range f.wake {
		select {
		case w <- struct{}{}:
		default: // it is awake
		}
	}
}

// listen returns a signal of news, until forget is called.
func (f *feed) listen() (news chan struct{}, forget func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	news = make(chan struct{}, 1)
	f.wake = append(f.wake, news)
	return news, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		for i, w := range f.wake {
			if w == news {
				f.wake = append(f.wake[:i], f.wake[i+1:]...)
				return
			}
		}
	}
}

// from returns the events from a number on, as far as they are kept, and the number
// after the last. Number 0 is the present end.
func (f *feed) from(number int64) (events []userEvent, next int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	next = f.first + int64(len(f.events))
	if f.first == 0 {
		next = 1
	}
	if number == 0 || number >= next {
		return nil, next
	}
	number = max(number, f.first)
	return append([]userEvent(nil), f.events[number-f.first:]...), next
}

type userMessage struct {
	Type      string         `json:"type"`
	Timestamp int64          `json:"timestamp"`
	Status    *orderStatus   `json:"order_status_update"`
	Fill      *orderFill     `json:"order_fill_update"`
	Balance   *balanceUpdate `json:"balance_update"`
}

type orderStatus struct {
	OrderID  string `json:"order_id"`
	ClientID string `json:"client_order_id"`
	MarketID string `json:"market_id"`
	Status   string `json:"status"`
}

type orderFill struct {
	OrderID         string `json:"order_id"`
	ClientID        string `json:"client_order_id"`
	MarketID        string `json:"market_id"`
	BaseFill        string `json:"base_fill"`
	CounterFill     string `json:"counter_fill"`
	BaseDelta       string `json:"base_delta"`
	CounterDelta    string `json:"counter_delta"`
	BaseFee         string `json:"base_fee"`
	CounterFee      string `json:"counter_fee"`
	BaseFeeDelta    string `json:"base_fee_delta"`
	CounterFeeDelta string `json:"counter_fee_delta"`
}

type balanceUpdate struct {
	AccountID      int64  `json:"account_id"`
	Row            int64  `json:"row_index"`
	Balance        string `json:"balance"`
	BalanceDelta   string `json:"balance_delta"`
	Available      string `json:"available"`
	AvailableDelta string `json:"available_delta"`
}

// userStream is the stream of what happens to the account of a key.
func (s *Sim) userStream(w http.ResponseWriter, r *http.Request) {
	s.stream(w, r, nil, func(x *session) {
		if err := s.runUser(x); err != nil && x.ctx.Err() == nil {
			s.cfg.Log.Info("lunosim: a user stream broke", "account", x.key.account.name, "error", err)
		}
	})
}

// runUser sends what the key's last stream may have missed and then all news. Each
// ping carries up to where was sent; the pong that answers it says that it arrived.
// What no pong has confirmed is sent again to who comes back.
func (s *Sim) runUser(x *session) error {
	f := &x.key.account.feed
	news, forget := f.listen()
	defer forget()
	events, next := f.from(x.key.heard.Load())
	sent := next - int64(len(events))
	x.key.confirm(sent)
	if late, struck := s.faults.strike(firstFault, x.subject()); struck {
		s.hang(x.ctx, late.Delay, true)
	}
	p := s.pulse(x)
	defer p.stop()
	for {
		for _, e := range events {
			if err := s.deliver(x, s.userMessage(e)); err != nil {
				return err
			}
			sent++
			p.spoke()
		}
		var err error
		select {
		case <-x.ctx.Done():
			return x.ctx.Err()
		case <-news:
		case <-p.ping.C:
			out := sent
			if x.held != nil { // the last one is not out yet
				out--
			}
			err = p.sendPing(strconv.FormatInt(out, 10))
		case <-p.quiet.C:
			err = p.sendQuiet()
		}
		if err != nil {
			return err
		}
		events, next = f.from(sent)
		sent = next - int64(len(events))
	}
}

func (s *Sim) userMessage(e userEvent) userMessage {
	message := userMessage{Timestamp: e.time}
	switch {
	case e.Posting != nil:
		p := e.Posting
		message.Type, message.Balance = "balance_update", &balanceUpdate{
			AccountID: e.ledger, Row: e.row, Balance: plain(p.Total), BalanceDelta: plain(p.TotalDelta), Available: plain(p.Free), AvailableDelta: plain(p.FreeDelta),
		}
	case e.Fill != nil:
		o, f, m := e.Order, e.Fill, s.markets[e.Fill.Pair]
		message.Type, message.Fill = "order_fill", &orderFill{
			OrderID: o.ID, ClientID: o.Request.ClientID, MarketID: m.Pair, BaseFill: m.volumeText(o.Filled), CounterFill: m.amountText(o.Value),
			BaseDelta: m.volumeText(f.Volume), CounterDelta: m.amountText(f.Value), BaseFee: m.dustText(o.FeeBase), CounterFee: m.amountText(o.Fee),
			BaseFeeDelta: m.dustText(f.FeeBase), CounterFeeDelta: m.amountText(f.FeeCounter),
		}
	default:
		o := e.Order
		message.Type, message.Status = "order_status", &orderStatus{o.ID, o.Request.ClientID, o.Request.Pair, statusText(o.Status)}
	}
	return message
}
