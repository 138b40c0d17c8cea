package lunosim

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/paper"
)

// backlog is how many updates a market's stream may lag behind before its client is
// sent away.
const backlog = 1 << 14

type bookOrder struct {
	ID     string `json:"id"`
	Price  string `json:"price"`
	Volume string `json:"volume"`
}

type bookMessage struct {
	Sequence  string      `json:"sequence"`
	Asks      []bookOrder `json:"asks"`
	Bids      []bookOrder `json:"bids"`
	Status    string      `json:"status"`
	Timestamp int64       `json:"timestamp"`
}

type updateMessage struct {
	Sequence  string         `json:"sequence"`
	Trades    []tradeUpdate  `json:"trade_updates"`
	Create    *createUpdate  `json:"create_update"`
	Delete    *deleteUpdate  `json:"delete_update"`
	Status    *statusMessage `json:"status_update"`
	Timestamp int64          `json:"timestamp"`
}

type tradeUpdate struct {
	Sequence     int64  `json:"sequence"`
	Base         string `json:"base"`
	Counter      string `json:"counter"`
	MakerOrderID string `json:"maker_order_id"`
	TakerOrderID string `json:"taker_order_id"`
	OrderID      string `json:"order_id"`
}

type createUpdate struct {
	OrderID string `json:"order_id"`
	Type    string `json:"type"`
	Price   string `json:"price"`
	Volume  string `json:"volume"`
}

type deleteUpdate struct {
	OrderID string `json:"order_id"`
}

type statusMessage struct {
	Status string `json:"status"`
}

// marketStream is the stream of one market's book.
func (s *Sim) marketStream(w http.ResponseWriter, r *http.Request) {
	pair := r.PathValue("pair")
	m := s.markets[pair]
	var fault *streamError
	if m == nil {
		fault = &streamError{"invalid_market", pair}
	}
	s.stream(w, r, fault, func(x *session) {
		if err := s.runMarket(x, m); err != nil && x.ctx.Err() == nil {
			s.cfg.Log.Info("lunosim: a market's stream broke", "pair", pair, "error", err)
		}
	})
}

// runMarket sends the book and all that happens to it.
func (s *Sim) runMarket(x *session, m *market) error {
	updates := make(chan paper.BookUpdate, backlog)
	book, stop, err := s.venue.Watch(m.Pair, func(u paper.BookUpdate) {
		select {
		case updates <- u:
		default:
			x.stop() // it does not keep up
		}
	})
	if err != nil {
		return err
	}
	defer stop()
	if late, struck := s.faults.strike(firstFault, x.subject()); struck {
		s.hang(x.ctx, late.Delay, true)
	}
	if err := x.send(m.snapshot(book)); err != nil {
		return err
	}
	p := s.pulse(x)
	defer p.stop()
	beat := time.NewTimer(s.cfg.Streams.Beat)
	defer beat.Stop()
	for {
		select {
		case <-x.ctx.Done():
			return context.Cause(x.ctx)
		case u := <-updates:
			err = s.deliver(x, m.update(u))
			beat.Reset(s.cfg.Streams.Beat)
			p.spoke()
		case <-beat.C:
			err = s.venue.Beat(m.Pair)
			beat.Reset(s.cfg.Streams.Beat)
		case <-p.ping.C:
			s.tick()
			err = p.sendPing("")
		case <-p.quiet.C:
			err = p.sendQuiet()
		}
		if err != nil {
			return err
		}
	}
}

func (m *market) snapshot(b paper.BookSnapshot) bookMessage {
	write := func(orders []paper.BookOrder) []bookOrder {
		out := make([]bookOrder, len(orders)) // never null, which clients take for an update
		for i, o := range orders {
			out[i] = bookOrder{o.ID, m.priceText(o.Price), m.volumeText(o.Volume)}
		}
		return out
	}
	return bookMessage{
		Sequence: strconv.FormatInt(b.Sequence, 10), Asks: write(b.Asks), Bids: write(b.Bids), Status: m.streamStatus(b.Status), Timestamp: b.Time,
	}
}

func (m *market) update(u paper.BookUpdate) updateMessage {
	message := updateMessage{Sequence: strconv.FormatInt(u.Sequence, 10), Timestamp: u.Time}
	for _, t := range u.Trades {
		message.Trades = append(message.Trades, tradeUpdate{
			Sequence: t.Sequence, Base: m.volumeText(t.Volume), Counter: m.amountText(t.Price.MustTimes(t.Volume)),
			MakerOrderID: t.MakerOrder, TakerOrderID: t.TakerOrder, OrderID: t.MakerOrder,
		})
	}
	if o := u.Created; o.ID != "" {
		message.Create = &createUpdate{o.ID, sideOf(o.Side), m.priceText(o.Price), m.volumeText(o.Volume)}
	}
	if u.Deleted != "" {
		message.Delete = &deleteUpdate{u.Deleted}
	}
	if u.Status != "" {
		message.Status = &statusMessage{m.streamStatus(u.Status)}
	}
	return message
}

// streamStatus spells a status as the stream has it, which knows three.
func (m *market) streamStatus(s exchange.MarketStatus) string {
	if text := m.status(s).ticker; text != "UNKNOWN" {
		return text
	}
	return "DISABLED"
}
