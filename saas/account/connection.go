package account

import (
	"context"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/page"
)

// State is where an account's connection stands.
type State string

// The states.
const (
	// Checking waits for a worker to find out what the key may do.
	Checking State = "checking"
	// Connected accounts have a key that may trade and cannot move money, as far
	// as the venue tells.
	Connected State = "connected"
	// Refused accounts have a key that must not be used; the reason says why.
	Refused State = "refused"
	// Revoked accounts had a key that the venue does not take any more.
	Revoked State = "revoked"
)

// Right is what the check found of one right of a key.
type Right struct {
	Name    string `json:"name"`
	Meaning string `json:"meaning"`
	// Need is required, optional or forbidden.
	Need string `json:"need"`
	// Known is granted, denied or untold.
	Known  string `json:"known"`
	Reason string `json:"reason"`
}

// Account is an account at an exchange that a tenant has connected.
type Account struct {
	ID, TenantID string
	Name         string
	// Venue is the exchange's name, such as "luno".
	Venue string
	// KeyHint is the end of the key's id, for people to recognise it by.
	KeyHint string
	State   State
	// Reason says in a sentence why the state is what it is; "" while all is well.
	Reason string
	// VenueAccount is one of the venue's own ids, the same for all keys of an account
	// there; "" until a check has found it out.
	VenueAccount string
	// Rights are what the last check found, in the venue's order.
	Rights []Right
	// Notes are sentences of the last check that the key's owner should read.
	Notes []string
	// Balances are what the last check that could read them saw, and BalancesAt is
	// when that was; zero if none could.
	Balances   []Balance
	BalancesAt time.Time
	// Tries is how often the check could not be made since it was asked for.
	Tries int
	// UnreachedAt is since when the venue has answered no check that asked it; zero if it
	// has the last one.
	UnreachedAt time.Time
	// CheckAt is when a worker looks, or looks again; zero if none shall.
	CheckAt time.Time
	// CheckedAt is when the key was checked last; zero if it never was.
	CheckedAt time.Time
	// KeyDestroyedAt is when the sealed key was destroyed; zero while it is there.
	KeyDestroyedAt       time.Time
	CreatedAt, UpdatedAt time.Time
}

// SealedKey is the key of an account, and its secret, as they are stored.
type SealedKey struct {
	// Key and Secret are sealed texts.
	Key, Secret string
}

// Connections keeps connected accounts. Every method with a tenant is of that one;
// what belongs to another is a NotFound error, code "account_not_found". Writes
// join the transaction that ctx carries.
type Connections interface {
	// InsertAccount stores an account and its sealed key.
	InsertAccount(ctx context.Context, tenantID string, a Account, key SealedKey) error
	// Account returns an account.
	Account(ctx context.Context, tenantID, id string) (Account, error)
	// Accounts lists a tenant's accounts, newest first, one more than the page
	// holds.
	Accounts(ctx context.Context, tenantID string, p page.Page) ([]Account, error)
	// LockAccount returns an account and keeps it as it is for the transaction.
	LockAccount(ctx context.Context, tenantID, id string) (Account, error)
	// UpdateAccount stores what is new of an account. A Conflict error, code
	// "venue_account_connected", says that another one that is connected, of this or
	// another tenant, is the same account at the venue; nothing is stored then.
	UpdateAccount(ctx context.Context, tenantID string, a Account) error
	// DeleteAccount removes an account and its sealed key.
	DeleteAccount(ctx context.Context, tenantID, id string) error
	// AccountBots names the live bots that trade on an account. None can be added to one
	// that is locked.
	AccountBots(ctx context.Context, tenantID, id string) ([]string, error)
	// SealedKey returns an account's sealed key.
	SealedKey(ctx context.Context, tenantID, id string) (SealedKey, error)
	// ReplaceKey stores another sealed key of an account.
	ReplaceKey(ctx context.Context, tenantID, id string, key SealedKey) error
	// DestroyKey removes the sealed key of an account, which stays.
	DestroyKey(ctx context.Context, tenantID, id string) error
	// ClaimCheck returns an account whose check is due, of any tenant but those that
	// are busy, and moves its next look to again, so that no other worker makes it as
	// well. Checks that failed before come last. It reports whether there is one.
	ClaimCheck(ctx context.Context, now, again time.Time, busy []string) (Account, bool, error)
	// VenueAccount returns by which of some ids a venue's account is known here, to
	// whatever tenant; "" if it is not.
	VenueAccount(ctx context.Context, venue string, ids []string) (string, error)
	// CheckSoon has the connection to a venue's account checked now, whose ever it
	// is, unless it was since some time.
	CheckSoon(ctx context.Context, venue, venueAccount string, now, since time.Time) error
	// StaleKeys lists refused and revoked accounts of all tenants that were checked
	// last before a time and still have a key, at most limit.
	StaleKeys(ctx context.Context, before time.Time, limit int) ([]Account, error)
}

// KeyUntil is when the sealed key is destroyed, because it was refused and nobody had
// it checked again; zero for one that is in use, or gone.
func (a Account) KeyUntil() time.Time {
	if (a.State != Refused && a.State != Revoked) || !a.KeyDestroyedAt.IsZero() || a.CheckedAt.IsZero() {
		return time.Time{}
	}
	return a.CheckedAt.Add(keptRefused)
}

// rightsOf tells a report's rights as they are stored and shown.
func rightsOf(r exchange.KeyReport) []Right {
	needs := map[exchange.Need]string{exchange.Optional: "optional", exchange.Required: "required", exchange.Forbidden: "forbidden"}
	known := map[exchange.Known]string{exchange.Untold: "untold", exchange.Granted: "granted", exchange.Denied: "denied"}
	list := make([]Right, len(r.Rights))
	for i, x := range r.Rights {
		list[i] = Right{Name: x.Name, Meaning: x.Meaning, Need: needs[x.Need], Known: known[x.Known], Reason: x.Reason}
	}
	return list
}
