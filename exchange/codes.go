package exchange

import "errors"

// Codes that programs look at; they are named as Luno names them, and other
// venues translate theirs.
const (
	// CodeDeadlineExceeded means that a request came after its time, or that the
	// venue took too long with it.
	CodeDeadlineExceeded = "ErrDeadlineExceeded"
	// CodeDuplicate means that the client order id is taken.
	CodeDuplicate = "ErrDuplicateClientOrderID"
	// CodeNotOpen means that an order cannot be cancelled because it is over or
	// unknown.
	CodeNotOpen = "ErrCannotStopUnknownOrNonPendingOrder"
	// CodeOrderNotFound means that there is no such order.
	CodeOrderNotFound = "ErrOrderNotFound"
	// CodePermissions means that the key lacks a right.
	CodePermissions = "ErrInsufficientPerms"
	// CodeTooManyRequests means that calls came too fast.
	CodeTooManyRequests = "ErrTooManyRequests"
)

// Kind says what to do about a venue's error.
type Kind uint8

// The kinds of a venue's errors.
const (
	// KindOther errors have a code that is not known, or none: nothing is known.
	KindOther Kind = iota
	// KindInvalid means that the request is wrong and will stay so: change it.
	KindInvalid
	// KindState means that account or market do not allow it at present.
	KindState
	// KindNotFound means that there is no such thing.
	KindNotFound
	// KindNotOpen means that the order is not open any more, or unknown.
	KindNotOpen
	// KindDuplicate means that the client order id is taken: look it up.
	KindDuplicate
	// KindKey means that the key is refused: stop trading and tell its owner.
	KindKey
	// KindBusy means that there were too many calls: pause the account.
	KindBusy
	// KindTransient means that the venue has a trouble that may pass.
	KindTransient
)

// String returns the kind's name.
func (k Kind) String() string {
	switch k {
	case KindInvalid:
		return "invalid"
	case KindState:
		return "state"
	case KindNotFound:
		return "not found"
	case KindNotOpen:
		return "not open"
	case KindDuplicate:
		return "duplicate"
	case KindKey:
		return "key"
	case KindBusy:
		return "busy"
	case KindTransient:
		return "transient"
	case KindOther:
	}
	return "other"
}

// Definitive reports whether an answer of this kind settles that the request has
// not taken effect and will not (rule T2).
func (k Kind) Definitive() bool {
	switch k {
	case KindInvalid, KindState, KindNotFound, KindNotOpen, KindKey:
		return true
	case KindOther, KindDuplicate, KindBusy, KindTransient:
	}
	return false
}

// KindOfCode returns the kind of a code.
func KindOfCode(code string) Kind {
	switch code {
	case "ErrInvalidPrice", "ErrInvalidVolume", "ErrPriceTooHigh", "ErrPriceTooLow", "ErrVolumeTooHigh", "ErrVolumeTooLow", "ErrValueTooHigh",
		"ErrAmountTooBig", "ErrAmountTooSmall", "ErrPriceDenominationNotAllowed", "ErrVolumeDenominationNotAllowed",
		"ErrCounterDenominationNotAllowed", "ErrInvalidBaseVolume", "ErrInvalidCounterVolume", "ErrInvalidOrderSide", "ErrInvalidMarketPair",
		"ErrInvalidArguments", "ErrInvalidParameters", "ErrInvalidClientOrderId", "ErrInvalidStopPrice", "ErrInvalidStopDirection",
		"ErrStopPriceTooHigh", "ErrStopPriceTooLow", "ErrNoTradesToInferStopDirection", "ErrPostOnlyNotAllowed", "ErrLimitOutOfRange",
		"ErrTooManyRowsRequested", "ErrInvalidOrderRef", "ErrInvalidAccountID":
		return KindInvalid
	case "ErrInsufficientBalance", "ErrInsufficientFunds", "ErrNotEnoughLiquidity", "ErrPostOnlyMode", "ErrOrderCanceled", "ErrMarketUnavailable",
		"ErrMarketNotAllowed", "ErrUnderMaintenance", "ErrCannotTradeWhileQuoteActive", "ErrAccountNotFound", "ErrUserNotVerifiedForCurrency",
		"ErrVerificationLevelTooLow", "ErrAccountIsMigrating":
		return KindState
	case CodeOrderNotFound, "ErrNotFound":
		return KindNotFound
	case CodeNotOpen:
		return KindNotOpen
	case CodeDuplicate:
		return KindDuplicate
	case "ErrUnauthorised", "ErrApiKeyRevoked", CodePermissions:
		return KindKey
	case CodeTooManyRequests:
		return KindBusy
	case CodeDeadlineExceeded, "ErrInternal", "ErrUpdateRequired":
		return KindTransient
	}
	return KindOther
}

// unauthorised is the HTTP status of an answer to a key that is wrong or revoked.
const unauthorised = 401

// KindOf returns the kind of an error: that of the first *Error in its chain. One
// without a code that is known is of the key if its HTTP status says so: without a
// key that is taken nothing has an effect.
func KindOf(err error) Kind {
	var e *Error
	if !errors.As(err, &e) {
		return KindOther
	}
	if k := KindOfCode(e.Code); k != KindOther || e.HTTPStatus != unauthorised {
		return k
	}
	return KindKey
}
