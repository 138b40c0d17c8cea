package errs

import (
	"errors"
	"fmt"
	"maps"
	"strings"
)

// Kind says what sort of failure an error is. Callers branch on the kind, show
// the message and never parse it.
type Kind uint8

// The kinds, each with the HTTP status that package api answers.
const (
	// Internal is a fault of ours; its text is logged and never shown (500).
	Internal Kind = iota
	// Invalid is bad input, with every faulty field named (422).
	Invalid
	// Malformed is input that could not be read at all (400).
	Malformed
	// Unauthenticated means that nobody, or somebody with an expired or wrong
	// credential, asked (401).
	Unauthenticated
	// Forbidden means that the caller is known and may not do it (403).
	Forbidden
	// NotFound covers what does not exist and what belongs to another tenant,
	// without a difference that could be seen (404).
	NotFound
	// Conflict means that the present state forbids it (409).
	Conflict
	// Stale means that the caller changed a version that is no longer the
	// newest (412).
	Stale
	// LimitExceeded is a refusal by the limits of the tenant's plan (403).
	LimitExceeded
	// RateLimited means too many requests; try later (429).
	RateLimited
	// Unavailable means that something that we need does not answer (503).
	Unavailable
)

//nolint:gochecknoglobals // an immutable table, in the order of the kinds
var kindNames = [...]string{
	"internal", "invalid", "malformed", "unauthenticated", "forbidden", "not-found",
	"conflict", "stale", "limit-exceeded", "rate-limited", "unavailable",
}

// String returns the kind's name as it stands in problem types, such as
// "not-found".
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind-%d", uint8(k))
}

// Field is one faulty field of an input.
type Field struct {
	// Path is the JSON pointer of the field, such as "/parameters/fast".
	Path string `json:"pointer"`
	// Reason says what is wrong and what would be right.
	Reason string `json:"detail"`
}

// Error is an error with a kind. The zero value is an Internal error without a
// message.
type Error struct {
	// Kind says what sort of failure it is.
	Kind Kind
	// Code is a stable name for programs, such as "bot_not_found".
	Code string
	// Message is a sentence for people; it holds no internal detail.
	Message string
	// Fields names the faulty fields of an Invalid error.
	Fields []Field
	// Meta holds further facts for programs, such as a limit and its use.
	Meta map[string]any
	// Err is the cause, for the log only; it may be nil.
	Err error
}

// New returns an error of a kind with a stable code and a formatted message.
func New(kind Kind, code, format string, args ...any) *Error {
	return &Error{Kind: kind, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Error implements error: the message, the faulty fields and the cause.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Message)
	if e.Message == "" {
		b.WriteString(e.Kind.String())
	}
	for i, f := range e.Fields {
		sep := ", "
		if i == 0 {
			sep = ": "
		}
		fmt.Fprintf(&b, "%s%s %s", sep, strings.TrimPrefix(f.Path, "/"), f.Reason)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is an *Error of the same kind and code, so that
// errors.Is works with sentinel values.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Kind == e.Kind && t.Code == e.Code
}

// With returns a copy of the error with one more fact in Meta.
func (e *Error) With(key string, value any) *Error {
	c := *e
	c.Meta = maps.Clone(e.Meta)
	if c.Meta == nil {
		c.Meta = map[string]any{}
	}
	c.Meta[key] = value
	return &c
}

// Wrap returns a copy of the error with its cause set.
func (e *Error) Wrap(cause error) *Error {
	c := *e
	c.Err = cause
	return &c
}

// KindOf returns the kind of the first *Error in err's chain, and Internal for
// any other error. It must not be called with nil.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// CodeOf returns the code of the first *Error in err's chain, or "".
func CodeOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}
