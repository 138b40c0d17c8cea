package plugin

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"unicode"
	"unicode/utf8"
)

// What a manifest may say at most, in characters.
const (
	maxTitle   = 80
	maxSummary = 300
)

// The forms of names and versions.
var (
	namePattern    = regexp.MustCompile(`^[a-z][a-z0-9-]{0,63}$`)
	versionPattern = regexp.MustCompile(`^\d{1,9}\.\d{1,9}\.\d{1,9}(-[0-9A-Za-z.-]{1,64})?$`)
)

// Check names all that is wrong with what a plugin tells of itself. A host asks
// before it keeps the plugin.
func (m Manifest) Check() error {
	var problems []error
	need := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	need(namePattern.MatchString(m.Name), "the name %.80q must be lower-case letters, digits and dashes", m.Name)
	need(versionPattern.MatchString(m.Version), "the version %.80q must be semantic, such as 1.0.0", m.Version)
	need(line(m.Title, maxTitle) && m.Title != "", "the title must be a line of 1 to %d characters", maxTitle)
	need(line(m.Summary, maxSummary), "the summary must be a line of at most %d characters", maxSummary)
	need(m.StateVersion >= 1 && m.StateVersion < 1<<31, "the state version %d must be at least 1", m.StateVersion)
	need(line(m.SDK, maxTitle) && m.SDK != "", "it does not say which SDK it was built with")
	need(slices.Contains(m.Protocols, Protocol), "it speaks the protocols %v and not %d", m.Protocols, Protocol)
	need(m.Can(Live), "it does not serve live bots")
	need(m.Can(Backtest), "it does not contain the backtest engine")
	need(m.Schema != nil, "it has no schema of its parameters")
	return errors.Join(problems...)
}

// line reports whether a text is one line of at most so many characters.
func line(text string, most int) bool {
	return utf8.ValidString(text) && utf8.RuneCountInString(text) <= most &&
		!slices.ContainsFunc([]rune(text), func(r rune) bool { return unicode.IsControl(r) })
}
