package exchange

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// KeyChecker finds out what an API key may do, before it is used.
type KeyChecker interface {
	// CheckKey asks the venue harmless questions. It changes nothing and moves
	// nothing. An error means that the questions could not be asked; what the
	// answers mean is the report's matter.
	CheckKey(ctx context.Context) (KeyReport, error)
}

// Need says what a trading key should have of a right.
type Need uint8

// The needs.
const (
	// Optional rights make no difference.
	Optional Need = iota
	// Required rights must be there.
	Required
	// Forbidden rights must not be there: a key that trades must be unable to move
	// money off the venue.
	Forbidden
)

// Known says what is known of a right.
type Known uint8

// What may be known of a right.
const (
	// Untold rights cannot be found out without using them.
	Untold Known = iota
	// Granted rights are there.
	Granted
	// Denied rights are not.
	Denied
)

// Right is one right of a key.
type Right struct {
	// Name is the venue's, such as "R_Balance".
	Name string
	// Meaning says in plain words what it allows.
	Meaning string
	Need    Need
	Known   Known
	// Reason says how it is known, or why it cannot be known.
	Reason string
}

// KeyReport is what is known of a key.
type KeyReport struct {
	// Rights are those that matter, in a fixed order.
	Rights []Right
	// Notes are sentences that the key's owner should read, such as that there are
	// several accounts in one currency.
	Notes []string
	// Balances are what the account held when the venue was asked; nil if the key
	// may not read them.
	Balances []Balance
}

// Untold lists the forbidden rights of which nobody can tell whether the key has
// them: its owner has to look.
func (r KeyReport) Untold() []Right {
	return r.which(func(x Right) bool { return x.Need == Forbidden && x.Known == Untold })
}

// Err returns why the key must not be used, as a *KeyError; nil if it may.
func (r KeyReport) Err() error {
	e := &KeyError{
		Missing:   r.which(func(x Right) bool { return x.Need == Required && x.Known != Granted }),
		Excessive: r.which(func(x Right) bool { return x.Need == Forbidden && x.Known == Granted }),
	}
	if len(e.Missing)+len(e.Excessive) == 0 {
		return nil
	}
	return e
}

func (r KeyReport) which(f func(Right) bool) []Right {
	var out []Right
	for _, x := range r.Rights {
		if f(x) {
			out = append(out, x)
		}
	}
	return out
}

// KeyError says why a key must not be used.
type KeyError struct {
	// Missing are required rights that it lacks, Excessive forbidden ones that it
	// has.
	Missing, Excessive []Right
}

// Unclear reports whether nothing speaks against the key but that the venue did not
// tell of required rights: to ask again later may tell.
func (e *KeyError) Unclear() bool {
	return len(e.Excessive) == 0 && !slices.ContainsFunc(e.Missing, func(x Right) bool { return x.Known != Untold })
}

// Error implements error.
func (e *KeyError) Error() string {
	var parts []string
	for _, x := range e.Excessive {
		parts = append(parts, fmt.Sprintf("the key has the right %s (%s), and a key that trades must not be able to move money: make one without it", x.Name, x.Meaning))
	}
	for _, x := range e.Missing {
		if x.Known == Untold {
			parts = append(parts, fmt.Sprintf("whether the key has the right %s (%s) cannot be told: %s", x.Name, x.Meaning, x.Reason))
			continue
		}
		parts = append(parts, fmt.Sprintf("the key lacks the right %s (%s)", x.Name, x.Meaning))
	}
	return strings.Join(parts, "; ")
}
