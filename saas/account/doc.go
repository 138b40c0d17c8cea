// Package account keeps the exchange accounts that tenants connect.
//
// It owns the pair of key and secret: how it is sealed, stored and opened; what the
// check of an account's key found, and whether the key may be used; and how many
// calls of its venue an account has left, for all workers that share it. It does
// not own sealing itself (package vault), the questions that a check asks
// (exchange.KeyChecker), nor the tables (package saasdb implements Connections and
// TurnStore).
//
// A Service seals an account's key; a Checker, in a worker, opens it and asks the
// exchange:
//
//	service                                     checker
//	Connect, Recheck,
//	ReplaceKey        → checking  ────────────→ connected, looked at again every day
//	Disconnect        → gone             │      refused: lacks a right, may move money, is wrong,
//	                                     │      or is connected already
//	                                     └────→ revoked: was fine, and is not taken any more
//
// The key of an account that is refused or revoked is kept for 30 days, in which it can be
// checked again, and then destroyed. ReplaceKey gives an account another key of the same
// account at the venue, which the wallets tell: bots that trade on it go on with that once it
// was checked, and nothing is sent with it before.
//
// A check finds out whose the key is: the ids of an account at a venue are the same for
// all its keys. Such an account is connected once in an installation, by one key of
// one tenant (rule T10): its calls have one count, its money is allotted to bots
// once, and no bot takes the orders of another tenant's for a stranger's, which
// that could have cancelled. Who was first keeps it for as long as its key is good.
// Another tenant's key of the same account is refused; whoever has a key at all can
// delete the other one at the exchange, and the connection that it served is looked at
// again within minutes of the refusal. The refused check itself is some ten calls, at most one
// check a tenant and worker at a time, which the count of the connected account does not have.
//
// What the installation itself asks a venue, with the operator's key, is counted by an
// OperatorBudget: one for all of its processes, and with the account's own calls where
// the key is one of an account that is connected.
//
// A Service seals and cannot open: that is all the web tier is handed. An
// Opener opens, and only workers are handed one. With servers and workers in hosts of
// their own, rule X4 holds in full; in the server of one process the worker runs beside
// the web tier, and whoever can read that process's memory or environment can open
// what is sealed. Key and secret are bound to the tenant, to what they are and to the
// account, so that a value that was moved to another row does not open. Neither is ever in clear in a row, a log or an error.
//
// Smallest use:
//
//	accounts, err := account.NewService(account.ServiceConfig{Events: events, Gate: gate, Now: time.Now, Sealer: sealer, Store: store, Tx: db, Venues: []string{"luno"}})
//	a, err := accounts.Connect(ctx, principal, account.NewConnect("Main", "luno", keyID, secret))
//	…
//	opener, err := account.NewOpener(account.OpenerConfig{Opener: vaultOpener, Store: store})
//	cred, err := opener.Open(ctx, tenantID, a.ID)
//	budget, err := account.NewBudget(account.BudgetConfig{
//		TenantID: tenantID, AccountID: accountID, Holder: worker, Now: time.Now, Store: store,
//	})
package account
