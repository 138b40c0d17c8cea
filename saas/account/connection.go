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
	// CheckAt is when a worker looks, or looks again; zero if none shall.
	CheckAt time.Time
	// CheckedAt is when the key was checked last; zero if it never was.
	CheckedAt            time.Time
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
	// UpdateAccount stores what is new of an account.
	UpdateAccount(ctx context.Context, tenantID string, a Account) error
	// DeleteAccount removes an account, its sealed key and its count of calls.
	DeleteAccount(ctx context.Context, tenantID, id string) error
	// AccountBots names the live bots that trade on an account. None can be added to one
	// that is locked.
	AccountBots(ctx context.Context, tenantID, id string) ([]string, error)
	// SealedKey returns an account's sealed key.
	SealedKey(ctx context.Context, tenantID, id string) (SealedKey, error)
	// ClaimChecks returns accounts of all tenants whose check is due, at most limit,
	// and moves their next look to again, so that no other worker makes it as well.
	ClaimChecks(ctx context.Context, now, again time.Time, limit int) ([]Account, error)
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
