package exchangetest

import (
	"errors"
	"fmt"
	"time"

	"github.com/lunobot/lunobot/exchange"
)

// Capability is something that not every venue has, or that not every test of one
// can bring about.
type Capability string

// What a venue may have.
const (
	// AccountStreams: Bench.AccountStreamer is set.
	AccountStreams Capability = "a stream of the account"
	// Bounds: the market has least and largest volumes and prices.
	Bounds Capability = "bounds of volumes and prices"
	// Candles: the market data has candles; those of a minute are asked for.
	Candles Capability = "candles"
	// Deadlines: a request whose Time and TTL are over is not carried out.
	Deadlines Capability = "deadlines of requests"
	// FOK: orders are filled whole at once or not at all.
	FOK Capability = "orders that are filled whole or not at all"
	// IOC: orders are cancelled as far as they are not filled at once.
	IOC Capability = "orders that are filled at once or cancelled"
	// KeyChecks: Bench.KeyChecker is set, for a key that may trade and no more.
	KeyChecks Capability = "a check of the key"
	// Ledgers: Bench.Ledger is set.
	Ledgers Capability = "a ledger"
	// MarketOrders: there are market sales by volume and market buys by value.
	MarketOrders Capability = "market orders"
	// PostOnly: orders may ask never to take.
	PostOnly Capability = "post-only orders"
	// Quotes: Bench.Quotes is set.
	Quotes Capability = "quotes"
	// StopOrders: limit orders may wait for a price before they go to the book.
	StopOrders Capability = "stop-limit orders"
	// Streams: Bench.Streamer is set and tells of every trade.
	Streams Capability = "a stream of the market"
)

// What a test of a venue may bring about.
const (
	// Clock: Bench.Advance is set.
	Clock Capability = "a clock that can be moved on"
	// Cuts: Bench.Cut is set.
	Cuts Capability = "streams that can be cut"
	// Parallel: calls may be made at the same time. What replays a recording cannot.
	Parallel Capability = "calls at the same time"
	// States: Bench.SetStatus is set.
	States Capability = "states of the market"
)

// The faults that a test of a venue may play, by Bench.Inject.
const (
	// AnswerLost: the order is taken, and the answer never comes.
	AnswerLost Capability = "fault: an order's answer is lost"
	// AnswerGarbled: the order is taken, and the answer is something else, such as
	// a page of a server in between.
	AnswerGarbled Capability = "fault: an order's answer cannot be read"
	// Busy: the venue says that there were too many calls, and takes no order.
	Busy Capability = "fault: too many calls"
	// CancelLost: the cancel is carried out, and the answer never comes.
	CancelLost Capability = "fault: a cancel's answer is lost"
	// FilledFirst: before the cancel is carried out, a part of the order is filled.
	FilledFirst Capability = "fault: an order is filled while it is cancelled"
	// FillsLate: the next fills are told later than the order tells of them.
	FillsLate Capability = "fault: fills are told late"
	// KeyRevoked: the venue refuses Ann's key from now on.
	KeyRevoked Capability = "fault: the key is revoked"
	// MessageDoubled, MessageGarbled, MessageLost and MessageSwapped: the next
	// message of the market's stream comes twice, cannot be read, never comes, or
	// comes after the one that follows. Something must follow within the bench's
	// patience, such as a beat: a lost message shows by the next one alone.
	MessageDoubled Capability = "fault: a message of a stream comes twice"
	MessageGarbled Capability = "fault: a message of a stream cannot be read"
	MessageLost    Capability = "fault: a message of a stream is lost"
	MessageSwapped Capability = "fault: two messages of a stream are swapped"
	// QuestionLost: the next question for the balances has no answer, once.
	QuestionLost Capability = "fault: a question is lost"
	// RequestLost: the order never comes to the venue, and no answer either.
	RequestLost Capability = "fault: an order is lost"
	// TakenLate: the order is taken only after nobody waits for the answer any more,
	// within its time to live.
	TakenLate Capability = "fault: an order is taken late"
)

// Bench is a venue made ready for one card: a market with an empty book in which
// nobody trades but the two accounts, which have no orders and no fills yet.
//
// Each account can pay for a hundred Lots at Price, by buying and by selling, and
// has less of either than an order of the market's largest volume needs twice. A
// Lot is several times the least volume, and Price is at least a hundred ticks from
// the market's bounds of prices.
type Bench struct {
	// Ann is the account under test; Bob trades with it.
	Ann, Bob exchange.Trader
	// Data is the public side of the venue.
	Data exchange.MarketData
	// Lot is a usual volume, even and 10 steps at the least, and Price a usual price.
	Lot   exchange.Steps
	Price exchange.Ticks
	// Market is the market.
	Market exchange.Market
	// Now is the clock that Ann's side goes by.
	Now func() time.Time
	// Patience is how long is waited for what a venue tells with a delay. Defaults
	// to 10 s.
	Patience time.Duration

	// What follows is there for those capabilities that say so.

	// AccountStreamer tells of Ann's account.
	AccountStreamer exchange.AccountStreamer
	// Advance moves all clocks on.
	Advance func(time.Duration)
	// Cut ends the open connections of all streams.
	Cut func()
	// Inject makes Ann, or the market's stream, suffer a fault.
	Inject func(Capability)
	// KeyChecker looks at Ann's key.
	KeyChecker exchange.KeyChecker
	// Ledger has Ann's bookings.
	Ledger exchange.Ledger
	// Quotes is the present state of the market.
	Quotes exchange.Quotes
	// SetStatus changes the state of the market.
	SetStatus func(exchange.MarketStatus)
	// Streamer tells of the market.
	Streamer exchange.Streamer
}

// leastLot is the fewest steps that a Lot has, and room the ticks around Price.
const (
	leastLot = 10
	room     = 100
)

// validate reports what the bench lacks for a card.
func (b *Bench) validate(needs []Capability) error {
	var problems []error
	check := func(ok bool, text string) {
		if !ok {
			problems = append(problems, errors.New(text))
		}
	}
	m := b.Market
	check(b.Ann != nil && b.Bob != nil && b.Data != nil && b.Now != nil, "Ann, Bob, Data and Now are required")
	problems = append(problems, m.Validate())
	check(b.Lot >= leastLot && b.Lot%2 == 0, fmt.Sprintf("the Lot must be even and %d steps or more", leastLot))
	check(b.Lot >= 2*m.MinVolume, "the Lot must be twice the least volume or more")
	check(b.Price > m.MinPrice+room && (m.MaxPrice == 0 || b.Price < m.MaxPrice-room), "the Price is too near to the market's bounds")
	for _, need := range needs {
		there := true
		switch need {
		case AccountStreams:
			there = b.AccountStreamer != nil
		case Clock:
			there = b.Advance != nil
		case Cuts:
			there = b.Cut != nil
		case KeyChecks:
			there = b.KeyChecker != nil
		case Ledgers:
			there = b.Ledger != nil
		case Quotes:
			there = b.Quotes != nil
		case States:
			there = b.SetStatus != nil
		case Streams:
			there = b.Streamer != nil
		case AnswerLost, AnswerGarbled, Busy, CancelLost, FilledFirst, FillsLate, KeyRevoked, MessageDoubled, MessageGarbled, MessageLost,
			MessageSwapped, QuestionLost, RequestLost, TakenLate:
			there = b.Inject != nil
		case Bounds:
			there = m.MinVolume > 1 && m.MaxVolume > 0 && m.MinPrice > 1 && m.MaxPrice > 0
		default: // it is in the calls themselves
		}
		check(there, fmt.Sprintf("the venue says that it has %s, and the bench has not", need))
	}
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("exchangetest: %w", err)
	}
	return nil
}
