package boot

import (
	"log/slog"
	"strings"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/luno"
	"github.com/lunobot/lunobot/exchange/luno/lunostream"
	"github.com/lunobot/lunobot/saas/account"
)

// lunoVenue reaches Luno, or a simulated one on this machine.
type lunoVenue struct {
	address string
	log     *slog.Logger
}

// lunoAccount is an account at Luno with its user stream.
type lunoAccount struct {
	exchange.Account
	exchange.AccountStreamer
}

// streamAddress is where the streams are that belong to an address of the API: a
// simulated Luno serves both at one.
func streamAddress(address string) string {
	if address = strings.TrimRight(address, "/"); address == luno.Address {
		return luno.StreamAddress
	}
	return "ws" + strings.TrimPrefix(address, "http")
}

// Connect implements account.Venue.
func (v lunoVenue) Connect(c account.Credential, budget exchange.Budget, markets []exchange.Market, wallets map[string]string) (account.Connection, error) {
	id, secret := c.Key.Reveal(), luno.Secret(c.Secret.Reveal())
	client, err := luno.New(luno.Config{Accounts: wallets, BaseURL: v.address, Budget: budget, KeyID: id, Secret: secret, Log: v.log, Markets: markets})
	if err != nil {
		return nil, err
	}
	dialer, err := lunostream.NewDialer(lunostream.DialerConfig{BaseURL: streamAddress(v.address), KeyID: id, Secret: secret})
	if err != nil {
		return nil, err
	}
	stream, err := lunostream.NewAccount(lunostream.AccountConfig{Dialer: dialer, Log: v.log, Markets: client})
	if err != nil {
		return nil, err
	}
	return lunoAccount{client, stream}, nil
}

// KeyChecker implements account.Venue.
func (v lunoVenue) KeyChecker(c account.Credential, budget exchange.Budget) (exchange.KeyChecker, error) {
	return luno.New(luno.Config{BaseURL: v.address, Budget: budget, KeyID: c.Key.Reveal(), Secret: luno.Secret(c.Secret.Reveal()), Log: v.log})
}
