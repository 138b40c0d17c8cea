package boot

import (
	"log/slog"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/luno"
	"github.com/lunobot/lunobot/saas/account"
)

// lunoVenue reaches Luno, or a simulated one on this machine.
type lunoVenue struct {
	address string
	log     *slog.Logger
}

// KeyChecker implements account.Venue.
func (v lunoVenue) KeyChecker(c account.Credential, budget exchange.Budget) (exchange.KeyChecker, error) {
	return luno.New(luno.Config{BaseURL: v.address, Budget: budget, KeyID: c.Key.Reveal(), Secret: luno.Secret(c.Secret.Reveal()), Log: v.log})
}
