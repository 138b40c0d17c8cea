package journal

import (
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// Check is the report of one reconciliation of a bot with its venue (rule T6).
type Check struct {
	BotID   string `json:"-"`
	Account string `json:"-"`
	// At is when it began; its age is what a page shows.
	At   time.Time     `json:"-"`
	Took time.Duration `json:"took"`
	// Open counts the bot's open orders, Doubtful those of which it is not known
	// whether the venue has them, Unsettled those whose fills are not all there.
	Open      int `json:"open"`
	Doubtful  int `json:"doubtful"`
	Unsettled int `json:"unsettled"`
	// Foreign counts the open orders that are no bot's.
	Foreign int `json:"foreign"`
	// Trades are executions that no bot ordered, the newest last.
	Trades []ForeignTrade `json:"trades,omitempty"`
	// Differences are what journal and venue do not agree on.
	Differences []Difference `json:"differences,omitempty"`
	// Failed says what was decided about foreign orders and could not be done, in
	// sentences; the next reconciliation tries again.
	Failed []string `json:"failed,omitempty"`
	// Paused is why the bot places no new orders; "" if it may. It stays until
	// somebody lifts it.
	Paused string `json:"-"`
	// ResumeBy and ResumeAt say who wants the pause lifted, which the next
	// reconciliation does; they are written by AskResume alone.
	ResumeBy string    `json:"-"`
	ResumeAt time.Time `json:"-"`
}

// ForeignTrade is an execution on the account that no bot ordered, such as one by
// hand.
type ForeignTrade struct {
	Pair     string          `json:"pair"`
	Sequence int64           `json:"sequence"`
	Side     string          `json:"side"`
	Price    decimal.Decimal `json:"price"`
	Volume   decimal.Decimal `json:"volume"`
	At       time.Time       `json:"at"`
}

// DifferenceKind says what journal and venue do not agree on.
type DifferenceKind string

// The kinds of differences.
const (
	// OrderMissing orders are open in the journal and unknown to the venue.
	OrderMissing DifferenceKind = "order_missing"
	// OrderAltered orders are not what was asked for.
	OrderAltered DifferenceKind = "order_altered"
	// OrderOrphaned orders have a client id of the bot and are not open in its journal.
	OrderOrphaned DifferenceKind = "order_orphaned"
	// FillsMissing orders have more volume filled than their fills add up to.
	FillsMissing DifferenceKind = "fills_missing"
	// FillUnbooked orders are over in the journal, and their venue lists a fill that
	// is not in it and in no book.
	FillUnbooked DifferenceKind = "fill_unbooked"
	// BalanceShort accounts hold less than their bots' books say.
	BalanceShort DifferenceKind = "balance_short"
)

// Difference is one thing that journal and venue do not agree on.
type Difference struct {
	Kind DifferenceKind `json:"kind"`
	// Subject is the order's client id or the currency.
	Subject string `json:"subject"`
	Text    string `json:"text"`
	// Since is when it was first found. Some may pass by themselves, because a venue
	// tells one thing later than another; they count once they are Confirmed.
	Since     time.Time `json:"since"`
	Confirmed bool      `json:"confirmed"`
}

// Agrees reports whether nothing differs and the fate of every order is known.
func (c Check) Agrees() bool { return !c.At.IsZero() && len(c.Differences) == 0 && c.Doubtful == 0 }

// Ready reports whether a bot may begin to trade.
func (c Check) Ready() bool { return c.Agrees() && c.Paused == "" }

// Age is how long ago the reconciliation began.
func (c Check) Age(now time.Time) time.Duration { return max(0, now.Sub(c.At)) }

// Mismatch says in a sentence what is confirmed to differ; "" if nothing is.
func (c Check) Mismatch() string {
	var texts []string
	for _, d := range c.Differences {
		if d.Confirmed {
			texts = append(texts, d.Text)
		}
	}
	return strings.Join(texts, "; ")
}
