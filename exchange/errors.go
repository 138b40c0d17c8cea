package exchange

import (
	"errors"
	"fmt"
)

// Sentinel errors of the exact numbers.
var (
	// ErrOverflow means that a result does not fit 64 bits.
	ErrOverflow = errors.New("number too large")
	// ErrPrecision means that a number is not a multiple of the market's tick
	// or step.
	ErrPrecision = errors.New("too many decimals")
)

// Outcome is what is known about a request after an error (rule T2).
type Outcome uint8

// The outcomes.
const (
	// OutcomeUnknown means that the request may or may not have taken effect:
	// it must be looked up, and never repeated under another id.
	OutcomeUnknown Outcome = iota
	// OutcomeRejected means that the venue refused it for good.
	OutcomeRejected
	// OutcomeAccepted means that it took effect although an error is reported,
	// such as a repeat of a client order id.
	OutcomeAccepted
)

// String returns the outcome's name.
func (o Outcome) String() string {
	switch o {
	case OutcomeRejected:
		return "rejected"
	case OutcomeAccepted:
		return "accepted"
	case OutcomeUnknown:
	}
	return "unknown"
}

// Error is a venue's answer that is not a success.
type Error struct {
	Outcome Outcome
	// Code is the venue's code, such as "ErrInsufficientBalance".
	Code string
	// Message is the venue's text, or ours for the simulated venue.
	Message string
	// HTTPStatus is the status of the answer; 0 if there was none.
	HTTPStatus int
	// Unsent means that nothing was sent: this program held the request back, and
	// the venue knows nothing of it (rule T11).
	Unsent bool
	// Expires is when the request can take effect no more, in epoch milliseconds of
	// our clock and with a margin for clocks that differ; 0 if that is not known. A
	// look-up that finds nothing before then proves nothing (rule T2).
	Expires int64
	// Err is the cause; it may be nil.
	Err error
}

// Rejected returns an error of a definitive refusal.
func Rejected(code, format string, args ...any) *Error {
	return &Error{Outcome: OutcomeRejected, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Unsent returns an error of a request that was held back here.
func Unsent(code, format string, args ...any) *Error {
	e := Rejected(code, format, args...)
	e.Unsent = true
	return e
}

// Error implements error.
func (e *Error) Error() string {
	text := e.Outcome.String() + ": " + e.Message
	if e.Unsent {
		text = "not sent: " + e.Message
	}
	if e.Code != "" {
		text += " (" + e.Code + ")"
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// OutcomeOf returns the outcome of an error: that of the first *Error in its
// chain, and unknown for any other, because nothing is known then.
func OutcomeOf(err error) Outcome {
	var e *Error
	if errors.As(err, &e) {
		return e.Outcome
	}
	return OutcomeUnknown
}
