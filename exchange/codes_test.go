package exchange_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/lunobot/lunobot/exchange"
)

// Every code of Luno that trading meets has a kind, and only what settles a
// request is definitive. // proves T2
func TestKindOfCode(t *testing.T) {
	t.Parallel()
	for kind, codes := range map[exchange.Kind]string{
		exchange.KindInvalid: `ErrInvalidPrice ErrInvalidVolume ErrPriceTooHigh ErrPriceTooLow ErrVolumeTooHigh ErrVolumeTooLow ErrValueTooHigh
			ErrAmountTooBig ErrAmountTooSmall ErrPriceDenominationNotAllowed ErrVolumeDenominationNotAllowed ErrCounterDenominationNotAllowed
			ErrInvalidBaseVolume ErrInvalidCounterVolume ErrInvalidOrderSide ErrInvalidMarketPair ErrInvalidArguments ErrInvalidParameters
			ErrInvalidClientOrderId ErrInvalidStopPrice ErrInvalidStopDirection ErrStopPriceTooHigh ErrStopPriceTooLow
			ErrNoTradesToInferStopDirection ErrPostOnlyNotAllowed ErrLimitOutOfRange ErrTooManyRowsRequested ErrInvalidOrderRef ErrInvalidAccountID`,
		exchange.KindState: `ErrInsufficientBalance ErrInsufficientFunds ErrNotEnoughLiquidity ErrPostOnlyMode ErrOrderCanceled ErrMarketUnavailable
			ErrMarketNotAllowed ErrUnderMaintenance ErrCannotTradeWhileQuoteActive ErrAccountNotFound ErrUserNotVerifiedForCurrency
			ErrVerificationLevelTooLow ErrAccountIsMigrating`,
		exchange.KindNotFound:  "ErrOrderNotFound ErrNotFound",
		exchange.KindNotOpen:   "ErrCannotStopUnknownOrNonPendingOrder",
		exchange.KindDuplicate: "ErrDuplicateClientOrderID",
		exchange.KindKey:       "ErrUnauthorised ErrApiKeyRevoked ErrInsufficientPerms",
		exchange.KindBusy:      "ErrTooManyRequests",
		exchange.KindTransient: "ErrDeadlineExceeded ErrInternal ErrUpdateRequired",
		exchange.KindOther:     "ErrSomethingNew errorcode",
	} {
		definitive := kind >= exchange.KindInvalid && kind <= exchange.KindNotOpen || kind == exchange.KindKey
		if kind.Definitive() != definitive {
			t.Errorf("%s is definitive: %t", kind, kind.Definitive())
		}
		for _, code := range strings.Fields(codes) {
			err := fmt.Errorf("placing: %w", exchange.Rejected(code, "no"))
			if got := exchange.KindOf(err); got != kind {
				t.Errorf("%s is %s, want %s", code, got, kind)
			}
		}
	}
	if exchange.KindOfCode("") != exchange.KindOther || exchange.KindOf(errors.New("cut off")) != exchange.KindOther {
		t.Error("an error without a code has a kind")
	}
}

// proves T2: an answer of 401 without a code that is known is of the key, and of no
// other status.
func TestKindOfUnauthorised(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		code   string
		want   exchange.Kind
	}{
		{401, "", exchange.KindKey}, {401, "ErrSomethingNew", exchange.KindKey}, {401, "ErrInternal", exchange.KindTransient},
		{403, "", exchange.KindOther}, {400, "ErrSomethingNew", exchange.KindOther}, {0, "", exchange.KindOther},
	} {
		if got := exchange.KindOf(fmt.Errorf("asking: %w", &exchange.Error{HTTPStatus: c.status, Code: c.code})); got != c.want {
			t.Errorf("%d %q is %s, want %s", c.status, c.code, got, c.want)
		}
	}
}

// What was held back here is not taken for an answer of the venue. // proves T11
func TestUnsent(t *testing.T) {
	t.Parallel()
	err := exchange.Unsent(exchange.CodeDeadlineExceeded, "it would come %d ms late", 5)
	if !err.Unsent || err.Outcome != exchange.OutcomeRejected || err.Error() != "not sent: it would come 5 ms late (ErrDeadlineExceeded)" {
		t.Errorf("%#v: %v", err, err)
	}
}

// A key must have what is required and nothing that moves money; what cannot be
// told is said and refuses nothing.
func TestKeyReport(t *testing.T) {
	t.Parallel()
	right := func(name string, need exchange.Need, known exchange.Known) exchange.Right {
		return exchange.Right{Name: name, Meaning: "what " + name + " means", Need: need, Known: known}
	}
	fine := exchange.KeyReport{Rights: []exchange.Right{
		right("read", exchange.Required, exchange.Granted), right("list", exchange.Optional, exchange.Denied),
		right("withdraw", exchange.Forbidden, exchange.Denied), right("send", exchange.Forbidden, exchange.Untold),
	}}
	if err := fine.Err(); err != nil {
		t.Error(err)
	}
	if untold := fine.Untold(); len(untold) != 1 || untold[0].Name != "send" {
		t.Errorf("untold %+v", untold)
	}
	bad := exchange.KeyReport{Rights: []exchange.Right{
		right("read", exchange.Required, exchange.Denied), right("trade", exchange.Required, exchange.Untold),
		right("withdraw", exchange.Forbidden, exchange.Granted),
	}}
	var e *exchange.KeyError
	if err := bad.Err(); !errors.As(err, &e) || len(e.Missing) != 2 || len(e.Excessive) != 1 ||
		!strings.Contains(err.Error(), "has the right withdraw (what withdraw means)") || !strings.Contains(err.Error(), "lacks the right read") ||
		!strings.Contains(err.Error(), "the right trade (what trade means) cannot be told") {
		t.Errorf("%v", err)
	}
	if e.Unclear() || (&exchange.KeyError{Excessive: bad.Rights[2:]}).Unclear() || !(&exchange.KeyError{Missing: bad.Rights[1:2]}).Unclear() {
		t.Error("what speaks against a key is taken for what is not told, or not")
	}
}
