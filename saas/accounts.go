package saas

import (
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/lunobot/lunobot/saas/account"
	"github.com/lunobot/lunobot/saas/event"
	"github.com/lunobot/lunobot/tenancy/vault"
)

// buildAccounts builds what connects exchange accounts, and the worker that checks
// their keys. In the role All both are in this process, which so holds what seals and
// what opens; in the others it holds one of the two (rule X4).
func (a *App) buildAccounts(k keys, sealer *vault.Sealer, store vault.Store, events event.Recorder) (err error) {
	a.keys = make(chan struct{}, 1)
	a.accounts, err = account.NewService(account.ServiceConfig{
		Events: events, Gate: a.billing.Gate(), Now: a.cfg.Now, Sealer: sealer, Store: a.store, Tx: a.db, Venues: slices.Sorted(maps.Keys(a.cfg.Venues)), Wake: a.wakeChecker,
	})
	if err != nil || !a.cfg.Role.works() {
		return err
	}
	unsealer, err := vault.NewOpener(vault.OpenerConfig{KEK: k.opens, Store: store})
	if err != nil {
		return err
	}
	opener, err := account.NewOpener(account.OpenerConfig{Opener: unsealer, Store: a.store})
	if err != nil {
		return err
	}
	holder := uuid.Must(uuid.NewV7()).String()
	a.connector, err = account.NewConnector(account.ConnectorConfig{
		Holder: holder, Now: a.cfg.Now, Opener: opener, Store: a.store, Turns: a.store, Tx: a.db, Venues: a.cfg.Venues, Wake: a.wakeChecker,
	})
	if err != nil {
		return err
	}
	a.checker, err = account.NewChecker(account.CheckerConfig{
		Events: events, Holder: holder, Log: a.cfg.Log, Now: a.cfg.Now, Opener: opener, Store: a.store, Turns: a.store, Tx: a.db,
		Venues: a.cfg.Venues,
	})
	return err
}

// wakeChecker makes the worker look at once.
func (a *App) wakeChecker() {
	select {
	case a.keys <- struct{}{}:
	default:
	}
}
