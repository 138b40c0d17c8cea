package errs

import (
	"strings"
	"unicode"
)

// Fields collects the faulty fields of one input, so that a caller hears of
// all of them at once. The zero value is ready to use.
type Fields struct{ list []Field }

// Add notes that the field at the JSON pointer path is faulty, and why.
func (f *Fields) Add(path, reason string) {
	f.list = append(f.list, Field{Path: path, Reason: reason})
}

// Check notes the field as faulty unless ok.
func (f *Fields) Check(ok bool, path, reason string) {
	if !ok {
		f.Add(path, reason)
	}
}

// CheckLine notes the field as faulty unless its text, which may be empty, can
// stand in a line that people read: a line break, a control character, or a
// mark that turns the direction of what follows could make one thing look like
// another, and so could a text of which nothing is seen.
func (f *Fields) CheckLine(path, text string) {
	f.Check(strings.IndexFunc(text, disturbs) < 0, path, "must be one line of text without control characters")
	f.Check(text == "" || strings.IndexFunc(text, isSeen) >= 0, path, "must have a character that can be seen")
}

// disturbs reports whether a character changes how its neighbours are shown.
func disturbs(r rune) bool {
	turns := '\u202a' <= r && r <= '\u202e' || '\u2066' <= r && r <= '\u2069'
	return turns || unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp)
}

func isSeen(r rune) bool {
	return unicode.IsGraphic(r) && !unicode.IsSpace(r) && !unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// Err returns nil if no field is faulty, else one Invalid error that names
// them all.
func (f *Fields) Err() error {
	if len(f.list) == 0 {
		return nil
	}
	return &Error{Kind: Invalid, Code: "invalid_input", Message: "some fields are not valid", Fields: f.list}
}
