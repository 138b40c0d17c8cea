package bot

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/saas/account"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/tenancy"
)

// unreachedFor is for how long an exchange must have answered nothing before its orders
// can be given up.
const unreachedFor = time.Hour

// sending is for how long after its end an order may still be on its way to the exchange,
// by other clocks than ours.
const sending = time.Minute

// LostOrder is an order of a bot whose end, or whose fills, are not all known.
type LostOrder struct {
	// Number is the order's within the bot; Account is where it was placed.
	Number  int64  `json:"number"`
	Account string `json:"account_id"`
	// VenueID is the exchange's id, "" if it never told one, and ClientID ours.
	VenueID  string `json:"venue_id"`
	ClientID string `json:"client_id"`
	Pair     string `json:"pair"`
	Side     string `json:"side"`
	Type     string `json:"type"`
	// Price and Volume are what was ordered, Value is that of a market buy by value.
	Price  decimal.Decimal `json:"price"`
	Volume decimal.Decimal `json:"volume"`
	Value  decimal.Decimal `json:"value"`
	State  string          `json:"state"`
	// Filled is booked, and Told is what the exchange says to be filled.
	Filled   decimal.Decimal `json:"filled"`
	Told     decimal.Decimal `json:"told"`
	PlacedAt time.Time       `json:"placed_at"`
	// ValidUntil is until when it could be sent to the exchange.
	ValidUntil time.Time `json:"valid_until"`
	// MissedSince is since when reconciliations find that the exchange does not know it;
	// zero if the newest one did not.
	MissedSince time.Time `json:"missed_since,omitzero"`
	// Ground is why it can be given up, as a sentence; "" if it cannot.
	Ground string `json:"ground"`
}

// WriteOffInput is a decision to give up what an exchange does not tell of any more.
type WriteOffInput struct {
	// Confirm is the bot's name, typed by whoever is responsible.
	Confirm string
	// Version is the version of the configuration that the caller saw; 0 skips the
	// check.
	Version int64
}

// Leftover is what a live bot has at its exchange and cannot bring to an end.
type Leftover struct {
	Bot     Bot
	Account account.Account
	// Orders are the orders that are not settled, oldest first.
	Orders []LostOrder
	// Held is what its books say that it has in base.
	Held []Holding
	// ComparedAt is when books and exchange were compared last; zero if they never
	// were.
	ComparedAt time.Time
	// Obstacles are what WriteOff would refuse it for, the weightiest first, beside the
	// confirmation.
	Obstacles []*errs.Error
}

// Leftover tells what WriteOff would give up, and what stands against it. It changes
// nothing. Errors: those of finding the bot; Forbidden.
func (s *Service) Leftover(ctx context.Context, p tenancy.Principal, botID string) (Leftover, error) {
	if err := responsible(p); err != nil {
		return Leftover{}, err
	}
	b, err := s.cfg.Store.Bot(ctx, p.TenantID, botID)
	if err != nil {
		return Leftover{}, err
	}
	return s.leftover(ctx, b, s.cfg.Store.Account)
}

// leftover gathers what is left. It holds until the transaction ends if bot and account
// are locked.
func (s *Service) leftover(ctx context.Context, b Bot, find finder) (Leftover, error) {
	l := Leftover{Bot: b}
	refuse := func(code, format string, args ...any) {
		l.Obstacles = append(l.Obstacles, errs.New(errs.Conflict, code, format, args...))
	}
	if b.Mode != Live {
		refuse("bot_on_paper", "%s trades on paper, and has nothing at an exchange", b.Name)
		return l, nil
	}
	var err error
	if l.Account, err = find(ctx, b.TenantID, b.AccountID); err != nil {
		return Leftover{}, err
	}
	stake, err := s.cfg.Store.Stake(ctx, b.TenantID, b.ID)
	if err != nil {
		return Leftover{}, err
	}
	l.Orders, l.Held, l.ComparedAt = stake.Unsettled, stake.Held, stake.ComparedAt
	open := 0
	for i := range l.Orders {
		if l.Orders[i].Ground = s.ground(l.Account, l.Orders[i], l.ComparedAt); l.Orders[i].Ground == "" {
			open++
		}
	}
	switch {
	case b.AtWork() && !restful(b):
		l.Obstacles = append(l.Obstacles, busy(b, "you write its orders off"))
	case len(l.Orders) == 0:
		refuse("nothing_to_write_off", "all orders of %s are settled: take it back to paper, which asks for nothing", b.Name)
	case open > 0:
		refuse("orders_known",
			"the exchange may know %d of the %d orders of %s: start it, so that it asks, and stop it again; an exchange that does not answer must have been silent for an hour",
			open, len(l.Orders), b.Name)
	}
	return l, nil
}

// restful reports whether all that a bot still does is to take orders back, which ends only
// once its exchange has answered.
func restful(b Bot) bool { return b.Status == Stopping && b.Ending != Flattened }

// ground is why an order can be given up: a reconciliation has seen that the exchange does
// not know it, or the account cannot be asked any more; "" if there is no such reason.
// compared is when the exchange was reached last by a reconciliation.
func (s *Service) ground(a account.Account, o LostOrder, compared time.Time) string {
	when := func(t time.Time) string { return t.UTC().Format("2 January 2006 15:04") + " UTC" }
	gone := a.State == account.Revoked || !a.KeyDestroyedAt.IsZero() // a key that is refused for its rights can ask
	switch {
	case !o.MissedSince.IsZero():
		return fmt.Sprintf("the exchange does not know it, as comparisons since %s have found", when(o.MissedSince))
	case s.now().Before(o.ValidUntil.Add(sending)):
		return ""
	case gone && !compared.After(a.CheckedAt):
		return fmt.Sprintf("the exchange cannot be asked since %s: %s", when(a.CheckedAt), reasonOf(a))
	case !a.UnreachedAt.IsZero() && compared.Before(a.UnreachedAt) && s.now().Sub(a.UnreachedAt) >= unreachedFor:
		return fmt.Sprintf("the exchange has not answered since %s", when(a.UnreachedAt))
	}
	return ""
}

// WriteOff gives up the orders of a live bot that is stopped, or waits for its exchange to
// stop, that its exchange does not know any
// more, or that cannot be asked about, and takes the bot back to paper: its journal says
// of each why, by whom and with what it was given up, and what it is said to hold is left
// to its tenant. Who decides must have the right to run bots and the one to connect
// accounts.
//
// Errors: those of Leftover; its first obstacle; Invalid for the wrong name; Conflict,
// code "bot_held", while a worker still looks after the bot; Stale, code
// "config_changed".
func (s *Service) WriteOff(ctx context.Context, p tenancy.Principal, botID string, in WriteOffInput) (Config, error) {
	if err := responsible(p); err != nil {
		return Config{}, err
	}
	var c Config
	err := s.cfg.Tx.Tx(ctx, p.TenantID, func(ctx context.Context) error {
		b, found, err := s.locked(ctx, p.TenantID, botID)
		if err != nil {
			return err
		}
		c = found
		l, err := s.leftover(ctx, b, s.cfg.Store.LockAccount)
		if err != nil {
			return err
		}
		if len(l.Obstacles) > 0 {
			return l.Obstacles[0]
		}
		var f errs.Fields
		f.Check(strings.TrimSpace(in.Confirm) == b.Name, "/confirm", "must be the bot's name, "+b.Name)
		if err := f.Err(); err != nil {
			return err
		}
		why := make(map[int64]string, len(l.Orders))
		for _, o := range l.Orders {
			why[o.Number] = "written off: " + o.Ground
		}
		if err := s.cfg.Store.WriteOff(ctx, p.TenantID, botID, why, restful(b), s.now()); err != nil {
			return err
		}
		if restful(b) {
			b.Status, b.Reason = Stopped, "stopped; its orders were written off"
			if err := s.cfg.Gate.Release(ctx, p.TenantID, running(b)); err != nil {
				return err
			}
		}
		if in.Version != 0 {
			c.Version = in.Version
		}
		data := map[string]any{"user_id": p.UserID, "account_id": c.AccountID, "account": l.Account.Name, "left_there": l.Held, "orders": l.Orders}
		c.Mode, c.AccountID = Paper, ""
		return s.switchMode(ctx, b, &c, EventWrittenOff, data)
	})
	return c, err
}
