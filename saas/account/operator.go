package account

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/lunobot/lunobot/exchange"
)

// OperatorBudgetConfig says whose calls are counted, and where.
type OperatorBudgetConfig struct {
	// Holder names this process among those of the installation. Required.
	Holder string
	// Log is told when it cannot be found out whose account the operator's key is one
	// of. Defaults to none.
	Log *slog.Logger
	// Market names what is asked, where it is not known whose key asks. Required.
	Market string
	// Now is the clock. Required.
	Now func() time.Time
	// Store is where calls are counted. Required.
	Store OperatorStore
	// Venue is the name under which tenants connect accounts of the venue that is
	// asked. Defaults to none: the calls share no limit with those of tenants.
	Venue string
}

// OperatorStore is what an OperatorBudget needs of the store.
type OperatorStore interface {
	TurnStore
	// Holding returns the connection, of whatever tenant, to the account at a venue
	// that has one of some ids; "" if there is none.
	Holding(ctx context.Context, venue string, ids []string) (tenantID, accountID string, err error)
}

// OperatorBudget is an exchange.Budget for what an installation asks a venue with the
// operator's key: markets, candles, books. All of its processes share one, so that they
// together stay below the venue's limit. A venue counts the keys of one account
// together: where the operator's is one of an account that a tenant has connected, as
// where somebody trades for himself, that account's calls are taken from. It is safe for
// concurrent use.
type OperatorBudget struct {
	cfg OperatorBudgetConfig

	mu sync.Mutex
	// at is the present budget, and of whose account.
	at     *Budget
	tenant string
	id     string
	// ids are what the operator's key reaches, and looked is when their connection was
	// looked up.
	ids    []string
	looked time.Time
}

var _ exchange.Budget = (*OperatorBudget)(nil)

// installation stands where a tenant does for what no tenant has.
const installation = "installation"

// NewOperatorBudget checks cfg and builds an OperatorBudget; the error names every fault.
func NewOperatorBudget(cfg OperatorBudgetConfig) (*OperatorBudget, error) {
	if cfg.Market == "" {
		return nil, errors.New("account: OperatorBudgetConfig.Market is required")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	b := &OperatorBudget{cfg: cfg}
	return b, b.take(installation, cfg.Market)
}

// take counts with the calls of an account from now on.
func (b *OperatorBudget) take(tenantID, accountID string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.at != nil && b.tenant == tenantID && b.id == accountID {
		return nil
	}
	at, err := NewBudget(BudgetConfig{TenantID: tenantID, AccountID: accountID, Holder: b.cfg.Holder, Now: b.cfg.Now, Store: b.cfg.Store})
	if err != nil {
		return fmt.Errorf("counting the operator's calls: %w", err)
	}
	b.at, b.tenant, b.id = at, tenantID, accountID
	return nil
}

// noticeEvery is after how long it is noticed that a tenant has connected the operator's
// account, or has disconnected it.
const noticeEvery = time.Minute

// Reach tells it the ids of the accounts that the operator's key reaches at the venue;
// none if the venue does not say. An error is the store's.
func (b *OperatorBudget) Reach(ctx context.Context, ids []string) error {
	b.mu.Lock()
	b.ids = ids
	b.mu.Unlock()
	return b.look(ctx, ids)
}

// look finds out with whose calls those of now on are counted.
func (b *OperatorBudget) look(ctx context.Context, ids []string) error {
	if b.cfg.Venue == "" {
		return nil
	}
	tenantID, accountID, err := b.cfg.Store.Holding(ctx, b.cfg.Venue, ids)
	if err != nil {
		return err
	}
	if accountID == "" {
		tenantID, accountID = installation, b.cfg.Market
	}
	return b.take(tenantID, accountID)
}

// Take implements exchange.Budget. Where it cannot be looked up whose account the
// operator's key is one of, calls are counted as before, and it is looked up again later.
func (b *OperatorBudget) Take(ctx context.Context, t exchange.Turn) (time.Duration, error) {
	if ids, due := b.due(); due {
		if err := b.look(ctx, ids); err != nil && ctx.Err() == nil {
			b.cfg.Log.WarnContext(ctx, "looking up whose account the market is read with", "market", b.cfg.Market, "error", err)
		}
	}
	return b.present().Take(ctx, t)
}

// due reports whether it is time to look who holds the operator's account, if anybody
// knows which one that is.
func (b *OperatorBudget) due() (ids []string, due bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.cfg.Now()
	if len(b.ids) == 0 || !b.looked.IsZero() && now.Sub(b.looked).Abs() < noticeEvery {
		return nil, false
	}
	b.looked = now
	return b.ids, true
}

// present returns the budget that calls are counted against.
func (b *OperatorBudget) present() *Budget {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.at
}

// Pause implements exchange.Budget.
func (b *OperatorBudget) Pause(ctx context.Context, d time.Duration) error {
	return b.present().Pause(ctx, d)
}
