package wire

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
)

// BatchReader reads a batch bot by bot, without an allocation. The exported
// fields hold the present bot and are overwritten by Next.
type BatchReader struct {
	// Event is what the bot is told.
	Event strategy.Event
	// Bot is whom.
	Bot uint64
	// Snapshot is true if its state is wanted afterwards.
	Snapshot bool
	// View is what the bot is shown of its account.
	View strategy.View

	batch, delivery fields
	eventRead       bool
	err             error
}

// Reset begins a batch.
func (r *BatchReader) Reset(batch []byte) {
	*r = BatchReader{batch: fields{rest: batch}, View: strategy.View{Orders: r.View.Orders[:0], Others: r.View.Others[:0]}, Event: strategy.Event{Trades: r.Event.Trades[:0]}}
}

// Err returns why Next returned false before the end; it is ErrMalformed.
func (r *BatchReader) Err() error { return r.err }

// Next goes to the next bot; it returns false at the end and after an error.
func (r *BatchReader) Next() bool {
	for r.err == nil {
		if r.delivery.next() {
			if r.read() {
				return true
			}
			continue
		}
		if r.fail("delivery", r.delivery.err) || !r.batch.next() {
			break
		}
		if r.batch.is(1, protowire.BytesType) {
			r.delivery, r.eventRead = fields{rest: r.batch.bytes}, false
		}
	}
	r.fail("batch", r.batch.err)
	return false
}

// read takes the delivery's field; it returns true if it was a bot.
func (r *BatchReader) read() bool {
	switch {
	case r.delivery.is(1, protowire.BytesType):
		r.eventRead = !r.fail("event", readEvent(&r.Event, r.delivery.bytes))
	case r.delivery.is(2, protowire.BytesType):
		if !r.eventRead {
			r.fail("delivery", fmt.Errorf("a bot comes before the event: %w", ErrMalformed))
			return false
		}
		return !r.fail("bot", r.readView(r.delivery.bytes))
	}
	return false
}

func (r *BatchReader) fail(what string, err error) bool {
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("live batch: %s: %w", what, err)
	}
	return err != nil
}

func (r *BatchReader) readView(message []byte) error {
	r.Bot, r.Snapshot = 0, false
	r.View = strategy.View{Orders: r.View.Orders[:0], Others: r.View.Others[:0]}
	return r.readPair(&r.View, message, true)
}

// readOther adds the account in a further pair. The room of one that was there
// before is used again.
func (r *BatchReader) readOther(message []byte) error {
	n := len(r.View.Others)
	if n == strategy.MaxPairs {
		return fmt.Errorf("more than %d further pairs: %w", n, ErrMalformed)
	}
	r.View.Others = slices.Grow(r.View.Others, 1)[:n+1]
	v := &r.View.Others[n]
	*v = strategy.View{Orders: v.Orders[:0]}
	return r.readPair(v, message, false)
}

// readPair reads the account in one pair, and in the bot's own what else there is.
func (r *BatchReader) readPair(v *strategy.View, message []byte, own bool) error {
	f := fields{rest: message}
	for f.next() {
		switch {
		case f.is(12, protowire.BytesType):
			order, err := readOrder(f.bytes)
			if err != nil {
				return err
			}
			v.Orders = append(v.Orders, order)
		case own && r.readOwn(&f):
		case f.kind == protowire.VarintType:
			readAccount(v, &f)
		}
	}
	return f.err
}

// readOwn takes what only the bot's own pair has; false if the field is nothing of it.
func (r *BatchReader) readOwn(f *fields) bool {
	switch {
	case f.is(13, protowire.BytesType):
		f.err = readTop(&r.View.Top, f.bytes)
	case f.is(14, protowire.BytesType):
		f.err = r.readOther(f.bytes)
	case f.is(1, protowire.VarintType):
		r.Bot = f.value
	case f.is(2, protowire.VarintType):
		r.Snapshot = f.value != 0
	case f.is(10, protowire.VarintType):
		r.View.NextRef = f.value
	case f.is(11, protowire.VarintType):
		r.View.Warming = f.value != 0
	default:
		return false
	}
	return true
}

// readAccount takes a number of the account in one pair.
func readAccount(v *strategy.View, f *fields) {
	switch f.number {
	case 3:
		v.Base = integer[exchange.Steps](f)
	case 4:
		v.ReservedBase = integer[exchange.Steps](f)
	case 5:
		v.Counter = integer[exchange.Units](f)
	case 6:
		v.ReservedCounter = integer[exchange.Units](f)
	case 7:
		v.Cost = integer[exchange.Units](f)
	case 8:
		v.Exits.Stop = integer[exchange.Ticks](f)
	case 9:
		v.Exits.Target = integer[exchange.Ticks](f)
	}
}

func readEvent(ev *strategy.Event, message []byte) error {
	*ev = strategy.Event{Trades: ev.Trades[:0]}
	f := fields{rest: message}
	for f.next() {
		switch {
		case f.is(1, protowire.VarintType):
			ev.Kind = small(&f, "event", strategy.LastEvent)
		case f.is(2, protowire.VarintType):
			ev.Time = integer[int64](&f)
		case f.is(3, protowire.BytesType):
			f.err = readCandle(&ev.Candle, f.bytes)
		case f.is(4, protowire.BytesType):
			f.err = readFill(&ev.Fill, f.bytes)
		case f.is(5, protowire.BytesType):
			f.err = readUpdate(&ev.Order, f.bytes)
		case f.is(6, protowire.BytesType):
			f.err = readSignal(&ev.Signal, f.bytes)
		case f.is(7, protowire.BytesType):
			ev.Trades, f.err = readTrade(ev.Trades, f.bytes)
		case f.is(8, protowire.BytesType):
			f.err = readTop(&ev.Top, f.bytes)
		case f.is(9, protowire.BytesType):
			ev.Pair = string(f.bytes)
		}
	}
	if f.err == nil && ev.Kind == 0 {
		return fmt.Errorf("it has no kind: %w", ErrMalformed)
	}
	return f.err
}

func readCandle(c *exchange.Candle, message []byte) error {
	f := fields{rest: message}
	for f.next() {
		if f.kind != protowire.VarintType {
			continue
		}
		switch f.number {
		case 1:
			c.Time = integer[int64](&f)
		case 2:
			c.Open = integer[exchange.Ticks](&f)
		case 3:
			c.High = integer[exchange.Ticks](&f)
		case 4:
			c.Low = integer[exchange.Ticks](&f)
		case 5:
			c.Close = integer[exchange.Ticks](&f)
		case 6:
			c.Volume = integer[exchange.Steps](&f)
		}
	}
	return f.err
}

func readFill(to *strategy.Fill, message []byte) error {
	f := fields{rest: message}
	for f.next() {
		if f.is(8, protowire.BytesType) {
			to.Pair = string(f.bytes)
		}
		if f.kind != protowire.VarintType {
			continue
		}
		switch f.number {
		case 1:
			to.Ref = f.value
		case 2:
			to.Side = small(&f, "side", exchange.Sell)
		case 3:
			to.Price = integer[exchange.Ticks](&f)
		case 4:
			to.Volume = integer[exchange.Steps](&f)
		case 5:
			to.Value = integer[exchange.Units](&f)
		case 6:
			to.Fee = integer[exchange.Units](&f)
		case 7:
			to.Maker = f.value != 0
		}
	}
	return f.err
}

func readUpdate(u *strategy.OrderUpdate, message []byte) error {
	f := fields{rest: message}
	for f.next() {
		switch {
		case f.is(1, protowire.VarintType):
			u.Ref = f.value
		case f.is(2, protowire.VarintType):
			u.State = small(&f, "order state", strategy.OrderDenied)
		case f.is(3, protowire.VarintType):
			u.Filled = integer[exchange.Steps](&f)
		case f.is(4, protowire.BytesType):
			u.Reason = string(f.bytes)
		case f.is(5, protowire.BytesType):
			u.Pair = string(f.bytes)
		}
	}
	return f.err
}

func readSignal(s *strategy.Signal, message []byte) error {
	f := fields{rest: message}
	for f.next() {
		switch {
		case f.is(1, protowire.BytesType):
			s.ID = string(f.bytes)
		case f.is(2, protowire.BytesType):
			s.Text = string(f.bytes)
		case f.is(3, protowire.VarintType):
			s.Time = integer[int64](&f)
		}
	}
	return f.err
}

// readTrade appends a trade; those of one pair share its name.
func readTrade(dst []exchange.Trade, message []byte) ([]exchange.Trade, error) {
	var t exchange.Trade
	f := fields{rest: message}
	for f.next() {
		switch {
		case f.is(1, protowire.BytesType):
			if n := len(dst); n > 0 && dst[n-1].Pair == string(f.bytes) {
				t.Pair = dst[n-1].Pair
			} else {
				t.Pair = string(f.bytes)
			}
		case f.is(2, protowire.VarintType):
			t.Sequence = integer[int64](&f)
		case f.is(3, protowire.VarintType):
			t.Time = integer[int64](&f)
		case f.is(4, protowire.VarintType):
			t.Price = integer[exchange.Ticks](&f)
		case f.is(5, protowire.VarintType):
			t.Volume = integer[exchange.Steps](&f)
		case f.is(6, protowire.VarintType):
			t.Taker = small(&f, "taker's side", exchange.Sell)
		}
	}
	return append(dst, t), f.err
}

func readTop(t *exchange.Top, message []byte) error {
	f := fields{rest: message}
	for f.next() {
		if f.kind != protowire.VarintType {
			continue
		}
		switch f.number {
		case 1:
			t.Bid.Price = integer[exchange.Ticks](&f)
		case 2:
			t.Bid.Volume = integer[exchange.Steps](&f)
		case 3:
			t.Ask.Price = integer[exchange.Ticks](&f)
		case 4:
			t.Ask.Volume = integer[exchange.Steps](&f)
		case 5:
			t.Time = integer[int64](&f)
		}
	}
	return f.err
}

func readOrder(message []byte) (o strategy.OpenOrder, err error) {
	f := fields{rest: message}
	for f.next() {
		if f.kind != protowire.VarintType {
			continue
		}
		switch f.number {
		case 1:
			o.Ref = f.value
		case 2:
			o.Side = small(&f, "side", exchange.Sell)
		case 3:
			o.Type = small(&f, "order type", exchange.LimitOrder)
		case 4:
			o.Price = integer[exchange.Ticks](&f)
		case 5:
			o.Volume = integer[exchange.Steps](&f)
		case 6:
			o.Filled = integer[exchange.Steps](&f)
		case 7:
			o.Value = integer[exchange.Units](&f)
		}
	}
	return o, f.err
}
