package bot_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/errs"
)

// pairs are the symbols of markets of which none can be had.
type pairs []string

func (p pairs) Market(string) (exchange.Market, error) {
	return exchange.Market{}, errors.New("it is not there")
}

func (p pairs) Pairs() []string { return p }

// A pair that is not there is answered with those that are, and where there is
// none, as in an empty store of candles, with that.
func TestUnknownPairsAreAnsweredWithThoseThatAre(t *testing.T) {
	t.Parallel()
	for want, there := range map[string]pairs{
		"is not a pair that is traded here: XBTMYR, ETHMYR": {"XBTMYR", "ETHMYR"},
		"is not a pair that is traded here: there is none":  nil,
	} {
		var f errs.Fields
		bot.Setup{Pair: "NOPE"}.Check(t.Context(), &f, there, nil)
		var e *errs.Error
		if err := f.Err(); !errors.As(err, &e) {
			t.Fatal(err)
		}
		found := false
		for _, one := range e.Fields {
			found = found || one.Path == "/trading_pair" && strings.HasSuffix(one.Reason, want)
		}
		if !found {
			t.Errorf("%+v does not say %q", e.Fields, want)
		}
	}
}
