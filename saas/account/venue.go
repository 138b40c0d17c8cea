package account

import "github.com/lunobot/lunobot/exchange"

// Venue reaches an exchange.
type Venue interface {
	// Connect returns an account as its key reaches it, for bots that trade there. It
	// sends nothing. Calls count against the budget; orders and fills are counted in
	// the ticks and steps of markets, and a market in which those are others at the
	// venue is refused with an error. Of a currency that wallets names, by the venue's id,
	// that wallet alone is traded with.
	Connect(c Credential, budget exchange.Budget, markets []exchange.Market, wallets map[string]string) (Connection, error)
	// KeyChecker returns what finds out about a key. Its calls count against the
	// budget.
	KeyChecker(c Credential, budget exchange.Budget) (exchange.KeyChecker, error)
}

// Connection is an exchange account at work: bots trade through it, and it tells
// what happens to their orders. It is for one process, which all bots of the account
// there share.
type Connection interface {
	exchange.Account
	exchange.AccountStreamer
}
