package lunostream

import (
	"fmt"
	"time"
)

// MessageError is a message that is not what the protocol says, or that does not
// fit the book. The stream that it came by is of no use any more.
type MessageError struct {
	// Field is where in the message, such as "create_update.price"; empty for the
	// message as a whole.
	Field string
	// Offset is the place in the message, in bytes.
	Offset int
	// Reason says what is wrong.
	Reason string
}

// Error implements error.
func (e *MessageError) Error() string {
	where := "the message"
	if e.Field != "" {
		where = e.Field
	}
	return fmt.Sprintf("luno stream: %s, at byte %d: %s", where, e.Offset, e.Reason)
}

// GapError means that messages were lost: the book is to be had anew.
type GapError struct {
	// Have is the sequence of the last message, Got that of the next that came.
	Have, Got int64
}

// Error implements error.
func (e *GapError) Error() string {
	return fmt.Sprintf("luno stream: message %d came after %d: those between are lost", e.Got, e.Have)
}

// RefusedError is what Luno says before it closes a stream: a key that is wrong,
// a market that it does not have, too many streams.
type RefusedError struct {
	// Code is Luno's word for it, such as "invalid_market", Text its explanation.
	Code, Text string
}

// Error implements error.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("luno stream: refused: %s (%s)", e.Text, e.Code)
}

// SilentError means that a connection is dead: nothing at all came by it for too
// long, not even a keep-alive.
type SilentError struct {
	// For is how long nothing came.
	For time.Duration
}

// Error implements error.
func (e *SilentError) Error() string {
	return fmt.Sprintf("luno stream: nothing came for %s, not even a keep-alive", e.For)
}

// StaleError means that a stream is alive but behind: the venue told over REST
// what the stream has still not told (rule M2).
type StaleError struct {
	Pair string
	// For is how long ago the stream was first seen behind.
	For time.Duration
	// Missing says what it has not told.
	Missing string
}

// Error implements error.
func (e *StaleError) Error() string {
	return fmt.Sprintf("luno stream of %s: behind for %s: %s", e.Pair, e.For, e.Missing)
}
