package lunostream

import "fmt"

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
