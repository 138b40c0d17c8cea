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
// currency it is the one that Wallets names: bots trade with no other.
func (a Account) Held(currency string) Balance {
	held := Balance{Currency: currency}
	for _, b := range a.Balances {
		if b.Currency == currency && (held.Wallet == "" || byAge(b.Wallet, held.Wallet) < 0) {
			held = b
		}
	}
	return held
}

// Wallets names the wallet of each currency that orders are pinned to, by the venue's
// id: the one that was opened first, for a later one changes nothing then. Currencies of
// which no wallet has an id are left out.
func (a Account) Wallets() map[string]string {
	pinned := map[string]string{}
	for _, b := range a.Balances {
		if b.Wallet != "" {
			pinned[b.Currency] = a.Held(b.Currency).Wallet
		}
	}
	return pinned
}

// byAge compares wallets by when they were opened: ids are numbers that grow.
func byAge(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}
