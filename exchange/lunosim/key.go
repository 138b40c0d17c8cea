package lunosim

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/rand/v2"

	"github.com/shopspring/decimal"
)

// Permission is a set of what a key may do, as Luno numbers it.
type Permission int64

// The permissions.
const (
	ReadBalance        Permission = 1
	ReadTransactions   Permission = 2
	WriteSend          Permission = 4
	ReadAddresses      Permission = 8
	WriteAddresses     Permission = 16
	ReadOrders         Permission = 32
	WriteOrders        Permission = 64
	ReadWithdrawals    Permission = 128
	WriteWithdrawals   Permission = 256
	WriteClientDebit   Permission = 8192
	WriteClientCredit  Permission = 16384
	ReadBeneficiaries  Permission = 32768
	WriteBeneficiaries Permission = 65536
	ReadTransfers      Permission = 131072
)

// The sets that the default keys have.
const (
	// TradeOnly is what a bot needs and no more.
	TradeOnly = ReadBalance | ReadTransactions | ReadOrders | WriteOrders
	// ReadOnly sees and changes nothing.
	ReadOnly = ReadBalance | ReadTransactions | ReadOrders | ReadTransfers
	// Dangerous could take the money away: a bot must refuse it.
	Dangerous = TradeOnly | WriteSend | ReadAddresses | WriteAddresses | ReadWithdrawals | WriteWithdrawals |
		ReadBeneficiaries | WriteBeneficiaries | ReadTransfers
)

// Key is an API key.
type Key struct {
	ID          string     `json:"id"`
	Secret      string     `json:"secret"`
	Permissions Permission `json:"permissions"`
}

// DefaultAccounts returns accounts named trader-1 and on, each with a million of
// every currency of Markets that is spent, a hundred of every coin, and three keys:
// TradeOnly, ReadOnly and Dangerous. A seed gives the same keys every time.
func DefaultAccounts(seed uint64, count int) []Account {
	random := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // keys of a simulator, which must be the same for one seed
	accounts := make([]Account, count)
	for i := range accounts {
		a := Account{Name: fmt.Sprintf("trader-%d", i+1), Balances: map[string]decimal.Decimal{}}
		for _, currency := range []string{"MYR", "ZAR", "USDT"} {
			a.Balances[currency] = decimal.New(1_000_000, 0)
		}
		for _, coin := range []string{"XBT", "ETH", "XRP", "AAVE", "USDC"} {
			a.Balances[coin] = decimal.New(100, 0)
		}
		for _, p := range []Permission{TradeOnly, ReadOnly, Dangerous} {
			a.Keys = append(a.Keys, randomKey(random, p))
		}
		accounts[i] = a
	}
	return accounts
}

// randomKey makes a key that looks like Luno's.
func randomKey(random *rand.Rand, p Permission) Key {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789"
	id := make([]byte, 13)
	for i := range id {
		id[i] = letters[random.IntN(len(letters))]
	}
	secret := make([]byte, 0, 32)
	for range 4 {
		secret = binary.BigEndian.AppendUint64(secret, random.Uint64())
	}
	return Key{ID: string(id), Secret: base64.RawURLEncoding.EncodeToString(secret), Permissions: p}
}
