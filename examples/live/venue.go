package main

import (
	"net/http/httptest"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/luno"
	"github.com/lunobot/lunobot/exchange/luno/lunostream"
	"github.com/lunobot/lunobot/exchange/lunosim"
	"github.com/lunobot/lunobot/saas/account"
)

// simulated is an account.Venue: Luno's client and streams, pointed at a simulated Luno.
// Without BaseURL they talk to the real one, and that is all the difference.
type simulated struct{ rest, stream string }

// connection is an account at work: orders go out, and news of them comes in.
type connection struct {
	exchange.Account
	exchange.AccountStreamer
}

// open serves a simulated Luno in this process and returns it with the venue that it is.
func open() (*lunosim.Sim, *httptest.Server, simulated, error) {
	sim, err := lunosim.New(lunosim.Config{Markets: lunosim.Markets()[:1]}) // XBTMYR
	if err != nil {
		return nil, nil, simulated{}, err
	}
	server := httptest.NewServer(sim)
	return sim, server, simulated{rest: server.URL, stream: "ws" + server.URL[len("http"):]}, nil
}

// client returns a client with a key; wallets says which of several accounts of a currency
// is used.
func (v simulated) client(id, secret string, budget exchange.Budget, markets []exchange.Market, wallets map[string]string) (*luno.Client, error) {
	return luno.New(luno.Config{Accounts: wallets, BaseURL: v.rest, Budget: budget, KeyID: id, Secret: luno.Secret(secret), Markets: markets})
}

// KeyChecker implements account.Venue: the key is looked at before anything is done with it.
func (v simulated) KeyChecker(c account.Credential, budget exchange.Budget) (exchange.KeyChecker, error) {
	return v.client(c.Key.Reveal(), c.Secret.Reveal(), budget, nil, nil)
}

// Connect implements account.Venue.
func (v simulated) Connect(c account.Credential, budget exchange.Budget, markets []exchange.Market, wallets map[string]string) (account.Connection, error) {
	client, err := v.client(c.Key.Reveal(), c.Secret.Reveal(), budget, markets, wallets)
	if err != nil {
		return nil, err
	}
	dialer, err := lunostream.NewDialer(lunostream.DialerConfig{BaseURL: v.stream, KeyID: c.Key.Reveal(), Secret: luno.Secret(c.Secret.Reveal())})
	if err != nil {
		return nil, err
	}
	stream, err := lunostream.NewAccount(lunostream.AccountConfig{Dialer: dialer, Markets: client})
	return connection{client, stream}, err
}
