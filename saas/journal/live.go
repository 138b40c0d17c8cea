package journal

import (
	"context"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/saas/page"
)

// LiveEntry is what one step of a bot's live execution left behind. It is written
// whole or not at all.
type LiveEntry struct {
	TenantID, BotID string
	// Epoch is the fencing epoch of the lease under which the step was made.
	Epoch int64
	// Orders are new orders and orders that have changed.
	Orders      []LiveOrder
	Transitions []Transition
	Fills       []LiveFill
	// Books are the books that have changed, as they are afterwards.
	Books   []Book
	Foreign []ForeignOrder
	// Check is the newest reconciliation; nil if there was none.
	Check *Check
}

// LiveState is what a bot's execution goes on from after a restart.
type LiveState struct {
	// Orders are those that are not settled, oldest first, and Fills all of theirs.
	Orders  []LiveOrder
	Fills   []LiveFill
	Books   []Book
	Foreign []ForeignOrder
	// Check is the newest reconciliation; its At is zero if there was none.
	Check Check
	// LastEvent and LastNumber are the highest that the bot has used, FirstNumber
	// the lowest; 0 for none.
	LastEvent, LastNumber, FirstNumber int64
}

// LiveEvent is one thing that happened to a bot's live orders; exactly one field
// besides the number is set.
type LiveEvent struct {
	// Event is the number; it only grows.
	Event      int64
	Transition *Transition
	Fill       *LiveFill
}

// Book is what a bot has of an account in one pair, in money: given to it in the
// beginning, and what its fills made of that.
type Book struct {
	BotID, Account, Pair          string
	BaseCurrency, CounterCurrency string
	GivenBase, GivenCounter       decimal.Decimal
	Base, Counter                 decimal.Decimal
	// Mark is the sequence up to which the account's fills in the pair have been
	// read.
	Mark int64
}

// Take returns the book with one more fill, fees of both currencies paid (rule
// T7).
func (b Book) Take(f LiveFill) Book {
	if f.Side == "buy" {
		b.Base, b.Counter = b.Base.Add(f.Volume), b.Counter.Sub(f.Value)
	} else {
		b.Base, b.Counter = b.Base.Sub(f.Volume), b.Counter.Add(f.Value)
	}
	b.Base, b.Counter = b.Base.Sub(f.FeeBase), b.Counter.Sub(f.FeeCounter)
	return b
}

// ForeignDecision is what somebody wants of a foreign order.
type ForeignDecision string

// The decisions about a foreign order; nobody else makes them than people.
const (
	// Claim makes it an order of the bot.
	Claim ForeignDecision = "claim"
	// Ignore leaves it alone.
	Ignore ForeignDecision = "ignore"
	// CancelForeign takes it back.
	CancelForeign ForeignDecision = "cancel"
)

// ForeignOrder is an open order on the bot's account and pair that is no bot's, as
// far as the journals say: none placed it, or it was written off. It is quarantined: told of, and left alone until
// somebody decides (rule T6).
type ForeignOrder struct {
	BotID, Pair string
	// VenueID is the venue's id, ClientID the id that its placer gave it, if any.
	VenueID, ClientID string
	Side              string
	Price, Volume     decimal.Decimal
	// Ours is true if its client id is one that this bot would have given, though
	// the journal has no such open order.
	Ours    bool
	FoundAt time.Time
	// Over is true once it is not open any more, or was claimed.
	Over bool
	// Decision, DecidedBy and DecidedAt say what somebody wants of it; they are
	// written by DecideForeign alone.
	Decision  ForeignDecision
	DecidedBy string
	DecidedAt time.Time
}

// LiveStore keeps the journal of live orders.
type LiveStore interface {
	// CommitLive writes entries in one transaction. An entry whose epoch is not that
	// of its bot's lease is left out, and refused has a Conflict, code "lease_lost",
	// in its place (rule T5); so is one with a new buy that exceeds what all live bots of
	// its tenant may have at stake, with a Conflict, code "over_ceiling", whose message says
	// why. The others are nil. An order moves only forward and a
	// fill or event that is there already is a Conflict, code "journal_behind", that
	// fails the whole commit: whoever wrote it goes on from a state of before.
	CommitLive(ctx context.Context, entries ...LiveEntry) (refused []error, err error)
	// LiveState returns what a bot goes on from; one without orders has the zero
	// state.
	LiveState(ctx context.Context, tenantID, botID string) (LiveState, error)
	// LiveOrder returns an order by its number; NotFound, code "order_not_found".
	LiveOrder(ctx context.Context, tenantID, botID string, number int64) (LiveOrder, error)
	// LiveOrders lists newest first and returns one more than the limit if more
	// follow; the page's key is the number as decimal text.
	LiveOrders(ctx context.Context, tenantID, botID string, p page.Page) ([]LiveOrder, error)
	// LiveHistory lists the transitions of an order, oldest first.
	LiveHistory(ctx context.Context, tenantID, botID string, number int64) ([]Transition, error)
	// LiveFills lists the fills of an order, in the order in which they were booked.
	LiveFills(ctx context.Context, tenantID, botID string, number int64) ([]LiveFill, error)
	// LiveEvents lists a bot's events after one, oldest first, at most limit.
	LiveEvents(ctx context.Context, tenantID, botID string, after int64, limit int) ([]LiveEvent, error)
	// AccountBooks lists the books of all of a tenant's bots on an account.
	AccountBooks(ctx context.Context, tenantID, account string) ([]Book, error)
	// OwnedOrders returns the orders of bots on the account that have one of the venue's
	// ids, settled ones too, by bot and number. Of an id there are several if an order was
	// written off and claimed later.
	OwnedOrders(ctx context.Context, tenantID, account string, venueIDs []string) ([]LiveOrder, error)
	// DecideForeign notes what somebody wants of a foreign order that is not over;
	// NotFound, code "foreign_order_not_found", if there is none; Conflict, code
	// "foreign_order_claimed", if it is to be claimed and another bot has or claims it.
	DecideForeign(ctx context.Context, tenantID, botID, pair, venueID string, d ForeignDecision, by string, at time.Time) error
	// AskResume notes that somebody wants a bot's pause lifted; Conflict, code
	// "not_paused", if there is none. CommitLive forgets the wish once a check says that
	// the bot is not paused any more.
	AskResume(ctx context.Context, tenantID, botID, by string, at time.Time) error
	// LastCheck returns a bot's newest reconciliation and the foreign orders that
	// are not over; NotFound, code "check_not_found", if there was none.
	LastCheck(ctx context.Context, tenantID, botID string) (Check, []ForeignOrder, error)
}
