package api

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"

	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/page"
)

// macBytes is how much of the signature a cursor carries.
const macBytes = 16

// cursors makes and reads the opaque cursors of lists: the key of the last item
// under a signature that also covers which list it was, so that a cursor that
// was changed, or is used on another list or by another tenant, is refused.
type cursors struct{ key []byte }

// list names one list: the route, the tenant and every filter.
type list []string

// seal returns the cursor for what follows after a key; none if after is "".
func (c cursors) seal(of list, after string) *string {
	if after == "" {
		return nil
	}
	s := base64.RawURLEncoding.EncodeToString(append(c.sign(of, after), after...))
	return &s
}

// open returns the key of a cursor. One that is not of this list is Malformed.
func (c cursors) open(of list, cursor string) (string, error) {
	if cursor == "" {
		return "", nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(raw) <= macBytes {
		return "", errCursor()
	}
	after := string(raw[macBytes:])
	if !hmac.Equal(raw[:macBytes], c.sign(of, after)) {
		return "", errCursor()
	}
	return after, nil
}

func (c cursors) sign(of list, after string) []byte {
	mac := hmac.New(sha256.New, c.key)
	for _, part := range append(list{"lunobot cursor 1", after}, of...) {
		mac.Write(binary.AppendUvarint(nil, uint64(len(part))))
		mac.Write([]byte(part))
	}
	return mac.Sum(nil)[:macBytes]
}

func errCursor() error {
	return errs.New(errs.Malformed, "cursor_invalid", "the cursor is not one of this list; begin again without a cursor")
}

// ListQuery are the parameters of every list.
type ListQuery struct {
	Limit  int    `query:"limit" default:"50" validate:"min=1,max=500" doc:"How many items at most; 50 if it is left out."`
	Cursor string `query:"cursor" validate:"max=500" doc:"The next_cursor of the part before."`
}

// page returns the part of a list that is asked for.
func (c cursors) page(q ListQuery, of list) (page.Page, error) {
	after, err := c.open(of, q.Cursor)
	return page.Page{After: after, Limit: q.Limit}.Bounded(), err
}

// listOf is a list as clients see it.
type listOf[T any] struct {
	Items      []T     `json:"items" doc:"This part of the list."`
	NextCursor *string `json:"next_cursor" doc:"The cursor of the part that follows; null if this is the last."`
}

// answer is the body of an answer.
type answer[T any] struct{ Body T }

// listed turns a part of a list into its answer.
func listed[T, V any](c cursors, of list, l page.List[T], view func(T) V) *answer[listOf[V]] {
	out := listOf[V]{Items: make([]V, len(l.Items)), NextCursor: c.seal(of, l.Next)}
	for i, item := range l.Items {
		out.Items[i] = view(item)
	}
	return &answer[listOf[V]]{Body: out}
}
