package lunostream

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"unicode/utf8"
)

// reader reads one JSON message from its beginning to its end, without
// allocating. The first error sticks; after it all that is read is empty. It
// takes what JSON allows and nothing else.
type reader struct {
	data []byte
	at   int
	err  *MessageError
	// path are the names of the fields that are being read.
	path  [maxDepth]string
	depth int
}

// maxDepth is how many objects of the protocol lie in each other, and one more.
const maxDepth = 4

// fail keeps the first error, which is at the present place.
func (r *reader) fail(format string, args ...any) { r.failAt(r.at, format, args...) }

func (r *reader) failAt(at int, format string, args ...any) {
	if r.err != nil {
		return
	}
	field := ""
	for _, name := range r.path[:r.depth] {
		if field != "" {
			field += "."
		}
		field += name
	}
	r.err = &MessageError{Field: field, Offset: at, Reason: fmt.Sprintf(format, args...)}
}

// error returns the first error, or nil.
func (r *reader) error() error {
	if r.err == nil {
		return nil
	}
	return r.err
}

// within names the field that is read next; without ends it.
func (r *reader) within(name string) {
	r.path[r.depth] = name
	r.depth++
}

func (r *reader) without() { r.depth-- }

// next skips white space and returns the next byte; 0 at the end.
func (r *reader) next() byte {
	for ; r.at < len(r.data); r.at++ {
		switch c := r.data[r.at]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

// begin reads an opening bracket.
func (r *reader) begin(open byte) bool {
	if r.err != nil {
		return false
	}
	if r.next() != open {
		r.fail("%q is expected", open)
		return false
	}
	r.at++
	return true
}

// more reports whether another element follows, the first or one after a comma;
// otherwise it has read the closing bracket.
func (r *reader) more(first *bool, end byte) bool {
	if r.err != nil {
		return false
	}
	c := r.next()
	if c == end {
		r.at++
		return false
	}
	if !*first {
		if c != ',' {
			r.fail("a comma or %q is expected", end)
			return false
		}
		r.at++
	}
	*first = false
	return true
}

// key reads a field's name and the colon after it.
func (r *reader) key() []byte {
	name := r.text()
	if r.err == nil {
		if r.next() != ':' {
			r.fail("a colon is expected")
			return nil
		}
		r.at++
	}
	return name
}

// text reads a string; what it returns lies in the message unless the string has
// escapes.
func (r *reader) text() []byte {
	if !r.begin('"') {
		return nil
	}
	start := r.at
	for escaped, foreign := false, false; r.at < len(r.data); r.at++ {
		switch c := r.data[r.at]; {
		case c-' ' < utf8.RuneSelf-' ' && c != '"' && c != '\\': // most are
		case c == '"':
			raw := r.data[start:r.at]
			if foreign && !utf8.Valid(raw) {
				r.failAt(start, "a string is no UTF-8, as all of a message must be")
				return nil
			}
			r.at++
			if escaped {
				return r.unescape(start - 1)
			}
			return raw
		case c == '\\':
			escaped = true
			r.at++ // what is escaped may be a quotation mark
		case c >= utf8.RuneSelf:
			foreign = true
		case c < ' ':
			r.fail("a string has the control character %#x", c)
			return nil
		}
	}
	r.failAt(len(r.data), "the message ends within a string")
	return nil
}

// unescape reads the string that began at a place and has ended.
func (r *reader) unescape(start int) []byte {
	var text string
	if err := json.Unmarshal(r.data[start:r.at], &text); err != nil {
		r.failAt(start, "the string is none: %s", err)
		return nil
	}
	return []byte(text)
}

// null reads null if it is what follows.
func (r *reader) null() bool {
	if r.err != nil || r.next() != 'n' || !bytes.HasPrefix(r.data[r.at:], []byte("null")) {
		return false
	}
	r.at += len("null")
	return true
}

// number reads a whole number that is 0 or more, whether in quotation marks or
// not: Luno writes the sequence of a message as a string and that of a trade as
// a number.
func (r *reader) number() int64 {
	if r.err != nil {
		return 0
	}
	var digits []byte
	quoted := r.next() == '"'
	start := r.at
	if quoted {
		digits = r.text()
	} else {
		for r.at < len(r.data) && r.data[r.at] >= '0' && r.data[r.at] <= '9' {
			r.at++
		}
		digits = r.data[start:r.at]
	}
	if r.err != nil {
		return 0
	}
	var n uint64
	for _, c := range digits {
		if c < '0' || c > '9' || n > (math.MaxInt64-uint64(c-'0'))/10 {
			r.failAt(start, "%.24q is no whole number of 64 bits", digits)
			return 0
		}
		n = n*10 + uint64(c-'0')
	}
	if len(digits) == 0 || len(digits) > 1 && digits[0] == '0' {
		r.failAt(start, "a whole number is expected")
		return 0
	}
	return int64(n)
}

// skip reads a value of any kind.
func (r *reader) skip() {
	if r.err != nil {
		return
	}
	if r.next() == '"' {
		r.text()
		return
	}
	start, depth := r.at, 0
	for ; r.at < len(r.data); r.at++ {
		switch r.data[r.at] {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case '"':
			if r.text(); r.err != nil {
				return
			}
			r.at--
		case ',':
			if depth == 0 {
				depth = -1
			}
		}
		if depth < 0 { // what follows is not of this value
			break
		}
	}
	if value := r.data[start:r.at]; !json.Valid(value) {
		r.failAt(start, "a value is expected")
	}
}

// end fails if anything follows the message.
func (r *reader) end() {
	if r.next(); r.at < len(r.data) {
		r.fail("something follows the end of the message")
	}
}
