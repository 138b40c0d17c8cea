package lunostream

import (
	"fmt"
	"math/bits"

	"github.com/lunobot/lunobot/exchange"
)

// The fields of a message, as bits of those that were read.
const (
	hasSequence = 1 << iota
	hasTime
	hasStatus
	hasAsks
	hasBids
	hasTrades
	hasCreate
	hasDelete
	hasID
	hasPrice
	hasVolume
	hasType
	hasCode
	hasText
	hasClient
	hasPair
	hasBaseFee
	hasCounterFee
	hasAccount
	hasRow
	hasBalance
	hasAvailable
)

// field begins a field of the protocol: it must not have been there before. The
// caller ends it with without.
func (r *reader) field(seen *int, bit int, name string) *reader {
	r.within(name)
	if *seen&bit != 0 {
		r.fail("it is there twice")
	}
	*seen |= bit
	return r
}

// require fails if one of the wanted fields was not there.
func (r *reader) require(seen, want int) {
	if missing := want &^ seen; missing != 0 {
		r.fail("it lacks the %s", fieldName(bits.TrailingZeros(uint(missing))))
	}
}

// fieldName is the name of a field by the place of its bit.
func fieldName(place int) string {
	names := [...]string{
		"sequence", "timestamp", "status", "asks", "bids", "trade_updates", "create_update", "delete_update", "order id", "price", "volume", "type",
		"error_code", "error", "client_order_id", "market_id", "base_fee", "counter_fee", "account_id", "row_index", "balance", "available",
	}
	return names[place]
}

// id reads an order's id.
func (r *reader) id() []byte {
	const most = 64
	at := r.at
	id := r.text()
	if len(id) == 0 || len(id) > most {
		r.failAt(at, "an id has 1 to %d characters, not %d", most, len(id))
	}
	return id
}

// amount reads a decimal in a string that is a whole number of units above 0.
func (r *reader) amount(g exchange.Grid) int64 {
	r.next()
	at := r.at
	text := r.text()
	if r.err != nil {
		return 0
	}
	n, _, err := g.Parse(text)
	if err == nil && n <= 0 {
		err = fmt.Errorf("it must be above 0")
	}
	if err != nil {
		r.failAt(at, "%.24q: %s", text, err)
	}
	return n
}

// side reads the side of an order.
func (r *reader) side() exchange.Side {
	at := r.at
	switch text := r.text(); string(text) {
	case "BID":
		return exchange.Buy
	case "ASK":
		return exchange.Sell
	default:
		r.failAt(at, "%.24q is neither BID nor ASK", text)
	}
	return 0
}

// only reads an object with one text of interest.
func (r *reader) only(name string) (text []byte) {
	seen := 0
	r.begin('{')
	for first := true; r.more(&first, '}'); {
		if string(r.key()) != name {
			r.skip()
			continue
		}
		text = r.field(&seen, hasID, name).text()
		r.without()
	}
	if r.err == nil && len(text) == 0 {
		r.fail("it lacks the %s", name)
	}
	return text
}

// refusal is what Luno says before it closes a stream.
type refusal struct{ code, text []byte }

// read reads a field that belongs to a refusal, or skips it.
func (f *refusal) read(r *reader, seen *int, name []byte) {
	switch string(name) {
	case "error_code":
		f.code = r.field(seen, hasCode, "error_code").text()
		r.without()
	case "error":
		f.text = r.field(seen, hasText, "error").text()
		r.without()
	default:
		r.skip()
	}
}

// check returns the error of a message that was read to its end.
func (f *refusal) check(r *reader, seen, want int, sequence int64) error {
	if r.err == nil && len(f.code)+len(f.text) > 0 {
		return &RefusedError{Code: string(f.code), Text: string(f.text)}
	}
	r.require(seen, want)
	if r.err == nil && sequence == 0 {
		r.within("sequence")
		r.fail("a sequence begins at 1")
	}
	return r.error()
}
