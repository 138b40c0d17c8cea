package exchange_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
)

func TestNames(t *testing.T) {
	t.Parallel()
	for got, want := range map[string]string{
		exchange.Buy.String(): "buy", exchange.Sell.String(): "sell", exchange.Side(0).String(): "side-0",
		exchange.Buy.Opposite().String() + exchange.Sell.Opposite().String(): "sellbuy",
		exchange.MarketOrder.String():                                        "market", exchange.LimitOrder.String(): "limit", exchange.OrderType(9).String(): "type-9",
		exchange.GTC.String(): "GTC", exchange.IOC.String(): "IOC", exchange.FOK.String(): "FOK",
		exchange.OutcomeUnknown.String(): "unknown", exchange.OutcomeRejected.String(): "rejected", exchange.OutcomeAccepted.String(): "accepted",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestRemainders(t *testing.T) {
	t.Parallel()
	o := exchange.Order{Request: exchange.OrderRequest{Volume: 10}, Filled: 3}
	if got := o.Remaining(); got != 7 {
		t.Errorf("%d remain", got)
	}
	b := exchange.Balance{Total: decimal.RequireFromString("1.5"), Reserved: decimal.RequireFromString("0.25")}
	if got := b.Free().String(); got != "1.25" {
		t.Errorf("%s are free", got)
	}
}

func TestOutcomeOf(t *testing.T) { // proves T2
	t.Parallel()
	cause := errors.New("cut")
	accepted := &exchange.Error{Outcome: exchange.OutcomeAccepted, Code: "ErrDuplicateClientOrderID", Message: "again", Err: cause}
	for name, test := range map[string]struct {
		err  error
		want exchange.Outcome
	}{
		"rejected, wrapped":   {fmt.Errorf("placing: %w", exchange.Rejected("ErrX", "no %d", 1)), exchange.OutcomeRejected},
		"accepted":            {accepted, exchange.OutcomeAccepted},
		"zero value":          {&exchange.Error{}, exchange.OutcomeUnknown},
		"anything else":       {cause, exchange.OutcomeUnknown},
		"outermost of two":    {&exchange.Error{Outcome: exchange.OutcomeUnknown, Err: accepted}, exchange.OutcomeUnknown},
		"no error at all":     {nil, exchange.OutcomeUnknown},
		"joined with another": {errors.Join(cause, exchange.Rejected("ErrX", "no")), exchange.OutcomeRejected},
	} {
		if got := exchange.OutcomeOf(test.err); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
	if got, want := accepted.Error(), "accepted: again (ErrDuplicateClientOrderID): cut"; got != want {
		t.Errorf("text %q, want %q", got, want)
	}
	if !errors.Is(accepted, cause) {
		t.Error("the cause is lost")
	}
}
