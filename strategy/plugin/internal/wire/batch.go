package wire

import (
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
)

// The numbers of the fields are those of strategy.proto.

// OpenDelivery begins a delivery with its event; the views of the bots that get
// it follow, then CloseDelivery with the mark.
func OpenDelivery(dst []byte, ev *strategy.Event) (out []byte, mark int) {
	dst, mark = openMessage(dst, 1)
	dst, inner := openMessage(dst, 1)
	dst = appendUnsigned(dst, 1, uint64(ev.Kind))
	dst = appendInteger(dst, 2, ev.Time)
	switch ev.Kind {
	case strategy.CandleEvent:
		dst = appendCandle(dst, &ev.Candle)
	case strategy.FillEvent:
		dst = appendFill(dst, &ev.Fill)
	case strategy.OrderEvent:
		dst = appendUpdate(dst, &ev.Order)
	case strategy.SignalEvent:
		dst = appendSignal(dst, &ev.Signal)
	case strategy.TradesEvent:
		for i := range ev.Trades {
			dst = appendTrade(dst, 7, &ev.Trades[i])
		}
	case strategy.BookEvent:
		dst = appendTop(dst, 8, &ev.Top)
	case strategy.PairEvent:
		dst = appendCandle(dst, &ev.Candle)
		dst = appendString(dst, 9, ev.Pair)
	case strategy.StartEvent:
	}
	return closeMessage(dst, inner), mark
}

// CloseDelivery ends the delivery that OpenDelivery began.
func CloseDelivery(dst []byte, mark int) []byte { return closeMessage(dst, mark) }

// AppendView adds a bot to the delivery that is open.
func AppendView(dst []byte, bot uint64, snapshot bool, v *strategy.View) []byte {
	dst, mark := openMessage(dst, 2)
	dst = appendUnsigned(dst, 1, bot)
	dst = appendBool(dst, 2, snapshot)
	dst = appendAccount(dst, v)
	dst = appendUnsigned(dst, 10, v.NextRef)
	dst = appendBool(dst, 11, v.Warming)
	if !v.Top.IsZero() {
		dst = appendTop(dst, 13, &v.Top)
	}
	for i := range v.Others {
		var inner int
		dst, inner = openMessage(dst, 14)
		dst = closeMessage(appendAccount(dst, &v.Others[i]), inner)
	}
	return closeMessage(dst, mark)
}

// appendAccount adds the account in one pair.
func appendAccount(dst []byte, v *strategy.View) []byte {
	dst = appendInteger(dst, 3, v.Base)
	dst = appendInteger(dst, 4, v.ReservedBase)
	dst = appendInteger(dst, 5, v.Counter)
	dst = appendInteger(dst, 6, v.ReservedCounter)
	dst = appendInteger(dst, 7, v.Cost)
	dst = appendInteger(dst, 8, v.Exits.Stop)
	dst = appendInteger(dst, 9, v.Exits.Target)
	for i := range v.Orders {
		dst = appendOrder(dst, &v.Orders[i])
	}
	return dst
}

func appendCandle(dst []byte, c *exchange.Candle) []byte {
	dst, mark := openMessage(dst, 3)
	dst = appendInteger(dst, 1, c.Time)
	dst = appendInteger(dst, 2, c.Open)
	dst = appendInteger(dst, 3, c.High)
	dst = appendInteger(dst, 4, c.Low)
	dst = appendInteger(dst, 5, c.Close)
	dst = appendInteger(dst, 6, c.Volume)
	return closeMessage(dst, mark)
}

func appendFill(dst []byte, f *strategy.Fill) []byte {
	dst, mark := openMessage(dst, 4)
	dst = appendUnsigned(dst, 1, f.Ref)
	dst = appendUnsigned(dst, 2, uint64(f.Side))
	dst = appendInteger(dst, 3, f.Price)
	dst = appendInteger(dst, 4, f.Volume)
	dst = appendInteger(dst, 5, f.Value)
	dst = appendInteger(dst, 6, f.Fee)
	dst = appendBool(dst, 7, f.Maker)
	dst = appendString(dst, 8, f.Pair)
	return closeMessage(dst, mark)
}

func appendUpdate(dst []byte, u *strategy.OrderUpdate) []byte {
	dst, mark := openMessage(dst, 5)
	dst = appendUnsigned(dst, 1, u.Ref)
	dst = appendUnsigned(dst, 2, uint64(u.State))
	dst = appendInteger(dst, 3, u.Filled)
	dst = appendString(dst, 4, u.Reason)
	dst = appendString(dst, 5, u.Pair)
	return closeMessage(dst, mark)
}

func appendSignal(dst []byte, s *strategy.Signal) []byte {
	dst, mark := openMessage(dst, 6)
	dst = appendString(dst, 1, s.ID)
	dst = appendString(dst, 2, s.Text)
	dst = appendInteger(dst, 3, s.Time)
	return closeMessage(dst, mark)
}

func appendTrade(dst []byte, number protowire.Number, t *exchange.Trade) []byte {
	dst, mark := openMessage(dst, number)
	dst = appendString(dst, 1, t.Pair)
	dst = appendInteger(dst, 2, t.Sequence)
	dst = appendInteger(dst, 3, t.Time)
	dst = appendInteger(dst, 4, t.Price)
	dst = appendInteger(dst, 5, t.Volume)
	dst = appendUnsigned(dst, 6, uint64(t.Taker))
	return closeMessage(dst, mark)
}

func appendTop(dst []byte, number protowire.Number, t *exchange.Top) []byte {
	dst, mark := openMessage(dst, number)
	dst = appendInteger(dst, 1, t.Bid.Price)
	dst = appendInteger(dst, 2, t.Bid.Volume)
	dst = appendInteger(dst, 3, t.Ask.Price)
	dst = appendInteger(dst, 4, t.Ask.Volume)
	dst = appendInteger(dst, 5, t.Time)
	return closeMessage(dst, mark)
}

func appendOrder(dst []byte, o *strategy.OpenOrder) []byte {
	dst, mark := openMessage(dst, 12)
	dst = appendUnsigned(dst, 1, o.Ref)
	dst = appendUnsigned(dst, 2, uint64(o.Side))
	dst = appendUnsigned(dst, 3, uint64(o.Type))
	dst = appendInteger(dst, 4, o.Price)
	dst = appendInteger(dst, 5, o.Volume)
	dst = appendInteger(dst, 6, o.Filled)
	dst = appendInteger(dst, 7, o.Value)
	return closeMessage(dst, mark)
}
