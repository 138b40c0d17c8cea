// Package page is how lists are asked for and answered in parts: after a key,
// at most so many.
//
// It owns the bounds. It does not own the opaque cursor that clients see, which
// is package api's.
//
// Smallest use:
//
//	rows, err := store.Bots(ctx, tenantID, page.Page{Limit: 50}.Bounded())
//	list := page.Of(rows, 50, func(b Bot) string { return b.ID })
package page

// Limits of a page's length.
const (
	DefaultLimit = 50
	MaxLimit     = 500
)

// Page asks for a part of a list.
type Page struct {
	// After is the key of the last item of the part before; "" for the first.
	After string
	// Limit is how many items are wanted at most.
	Limit int
}

// Bounded returns the page with its limit set to the default if it is 0 or
// less, and cut to MaxLimit.
func (p Page) Bounded() Page {
	if p.Limit <= 0 {
		p.Limit = DefaultLimit
	}
	p.Limit = min(p.Limit, MaxLimit)
	return p
}

// List is a part of a list. Next is the After of the part that follows; "" if
// this is the last.
type List[T any] struct {
	Items []T
	Next  string
}

// Of makes a list of rows that were fetched with one more than the limit, which
// tells whether a part follows.
func Of[T any](rows []T, limit int, key func(T) string) List[T] {
	if len(rows) <= limit {
		return List[T]{Items: rows}
	}
	rows = rows[:limit]
	return List[T]{Items: rows, Next: key(rows[limit-1])}
}
