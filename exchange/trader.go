package exchange

import (
	"context"

	"github.com/shopspring/decimal"
)

// Trader is the private side of a venue: one account, or one bot's share in its
// calls. It is safe for concurrent use.
//
// Every error that a venue's answer caused is an *Error, whose Outcome says what
// is known (rule T2) and whose Kind what to do. Any other error is of unknown
// outcome as well, see OutcomeOf. A Trader repeats reads where that may help; it
// never repeats Place or Cancel by itself.
type Trader interface {
	// Place sends an order once. It returns the order as far as the venue's answer
	// tells, which may be no more than its id: whether and how it was filled is
	// read by Order, from Fills or from an AccountStreamer.
	//
	//   - A nil error: the order is accepted.
	//   - OutcomeRejected: there is no such order and there will be none. If
	//     Unsent is set as well, not even a request was made.
	//   - OutcomeAccepted with KindDuplicate: an order with this client id and the
	//     same content is there, from an earlier try; it is returned.
	//   - OutcomeUnknown: look it up under the same client id. Not found is final
	//     only after the Error's Expires; until then the same request may be sent
	//     again under the same id, never under another.
	//
	// A request must have a ClientID, and ends to be valid at its Time + TTL or
	// when ctx has its deadline, whichever comes first: the venue is told so, and
	// takes no order later than that (rule T5). Without either, the Trader sets
	// its own.
	Place(ctx context.Context, r OrderRequest) (Order, error)
	// Cancel asks once for an order to be taken back. A nil error says that the
	// venue has taken the wish, not that the order is over or unfilled: that is
	// read by Order or OrderByID afterwards (rule T4). KindNotOpen says that there
	// was nothing to take back: it is filled, cancelled or unknown.
	Cancel(ctx context.Context, pair, orderID string) error
	// Order looks an order up by our client id; KindNotFound if there is none.
	Order(ctx context.Context, pair, clientID string) (Order, error)
	// OrderByID looks an order up by the venue's id; KindNotFound if there is
	// none.
	OrderByID(ctx context.Context, pair, orderID string) (Order, error)
	// OpenOrders lists all of the account's orders in a market that are not over,
	// whoever placed them, oldest first (rule T6).
	OpenOrders(ctx context.Context, pair string) ([]Order, error)
	// Fills lists the account's fills in a market with a sequence above after,
	// oldest first, at most limit. It may lag behind what Order tells. An own bid
	// that met an own ask makes two fills of one sequence, which come together, even
	// if that is one more than limit.
	Fills(ctx context.Context, pair string, after int64, limit int) ([]Fill, error)
	// Balances lists what the account holds. A currency is there once for each of
	// the venue's accounts in it.
	Balances(ctx context.Context) ([]Balance, error)
	// Fees returns the account's present rates in a market.
	Fees(ctx context.Context, pair string) (FeeSchedule, error)
}

// Account is a connected account that several bots use.
type Account interface {
	// For returns the account as one bot uses it: its calls wait their turn in that
	// bot's queue (rule T10). The empty name is a queue as well, for what belongs
	// to no bot.
	For(bot string) Trader
}

// AccountStreamer delivers what happens to an account's own orders and balances,
// as a venue tells of its own accord.
type AccountStreamer interface {
	// StreamAccount calls sink for each event, in the order of arrival, until ctx
	// ends or the stream breaks; it never returns nil. It calls from one goroutine.
	// Events may come twice, also across connections, and may be lost between two
	// calls: who wants to be sure reads Order, Fills and Balances after each call
	// has begun (rule T6).
	StreamAccount(ctx context.Context, sink func(AccountEvent)) error
}

// AccountEvent is one event of an account; exactly one field is set.
type AccountEvent struct {
	// Connected is set once in each StreamAccount, when the venue listens: what
	// happens from now on is told.
	Connected bool
	// Order is what is now true of one of the account's orders.
	Order *OrderUpdate
	// Balance is what the account now holds of a currency.
	Balance *BalanceUpdate
}

// OrderUpdate is what is now true of an order. Amounts are totals since the order
// was placed and never increments: to apply one twice changes nothing (rule T7).
type OrderUpdate struct {
	Pair string
	// OrderID is the venue's id of the order, ClientID ours; "" if it had none.
	OrderID, ClientID string
	// Status is 0 if this update does not tell it.
	Status OrderStatus
	// Executed says whether the amounts below are told.
	Executed bool
	Filled   Steps
	Value    Units
	// Fee and FeeBase are what was charged, in either currency.
	Fee     Units
	FeeBase Dust
	// Time is in epoch milliseconds UTC.
	Time int64
}

// BalanceUpdate is what an account holds of a currency after a booking.
type BalanceUpdate struct {
	// Account is the venue's id of the account.
	Account string
	// Row is the booking's number in the account's ledger; it only grows.
	Row int64
	// Total includes what is reserved, Free does not.
	Total, Free decimal.Decimal
	// Time is in epoch milliseconds UTC.
	Time int64
}

// Ledger is a Trader whose venue keeps a list of all bookings: trades, fees,
// deposits, withdrawals, whoever made them.
type Ledger interface {
	// Entries lists bookings of one of the venue's accounts with a row above after,
	// oldest first, at most limit. Rows are numbered from 1 without a gap.
	Entries(ctx context.Context, account string, after int64, limit int) ([]LedgerEntry, error)
}

// LedgerEntry is one booking.
type LedgerEntry struct {
	Account, Currency string
	Row               int64
	// Time is in epoch milliseconds UTC.
	Time int64
	// Delta is the change of the balance and Balance what it is afterwards;
	// AvailableDelta and Available the same of what is not reserved.
	Delta, Balance, AvailableDelta, Available decimal.Decimal
	// Kind is the venue's word, such as "EXCHANGE", "FEE" or "TRANSFER";
	// Description and Reference are texts of its own.
	Kind, Description, Reference string
	// Pair and Sequence name the trade that was booked; "" and 0 if it was none.
	Pair     string
	Sequence int64
}
