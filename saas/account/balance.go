package account

import (
	"cmp"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
)

// Balance is what an account held of a currency when its key was checked.
type Balance struct {
	Currency string `json:"currency"`
	// Wallet is the venue's id of the account that holds it, for a venue may have
	// several in one currency; "" if it has one for everything.
	Wallet string `json:"wallet"`
	// Total includes what open orders have set aside, Free does not.
	Total decimal.Decimal `json:"total"`
	Free  decimal.Decimal `json:"free"`
}

// balancesOf tells balances as they are stored and shown, by currency and wallet.
func balancesOf(list []exchange.Balance) []Balance {
	out := make([]Balance, len(list))
	for i, b := range list {
		out[i] = Balance{Currency: b.Currency, Wallet: b.Account, Total: b.Total, Free: b.Free()}
	}
	slices.SortFunc(out, func(a, b Balance) int {
		return cmp.Or(cmp.Compare(a.Currency, b.Currency), cmp.Compare(a.Wallet, b.Wallet))
	})
	return out
}

// Held returns what of a currency the account was last seen to have for trading,
// at BalancesAt; nothing if it was seen to have none. Of several wallets in a
// currency it is the one with the least: orders use the venue's default one, which
// it does not tell.
func (a Account) Held(currency string) Balance {
	least := Balance{Currency: currency}
	for i, b := range slices.DeleteFunc(slices.Clone(a.Balances), func(b Balance) bool { return b.Currency != currency }) {
		if i == 0 || b.Total.LessThan(least.Total) {
			least = b
		}
	}
	return least
}
