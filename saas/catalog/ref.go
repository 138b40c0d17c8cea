package catalog

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"

	"github.com/lunobot/lunobot/saas/errs"
)

// Ref names a version of a strategy.
type Ref struct{ Name, Version string }

// refPattern is the form of a Ref as a text; it is safe as part of a path.
var refPattern = regexp.MustCompile(`^([a-z][a-z0-9-]{0,63})@(\d{1,9}\.\d{1,9}\.\d{1,9}(?:-[0-9A-Za-z.-]{1,64})?)$`)

// ParseRef reads NAME@VERSION; anything else is Invalid.
func ParseRef(text string) (Ref, error) {
	m := refPattern.FindStringSubmatch(text)
	if m == nil {
		return Ref{}, errs.New(errs.Invalid, "bad_version", "%.100q is not of the form NAME@VERSION, such as demo@1.0.0", text)
	}
	return Ref{Name: m[1], Version: m[2]}, nil
}

// String returns NAME@VERSION.
func (r Ref) String() string { return r.Name + "@" + r.Version }

// valid reports whether the ref can be written and read again.
func (r Ref) valid() bool { return refPattern.MatchString(r.String()) }

// CompareVersions orders semantic versions, oldest first: by their numbers, and
// what has a pre-release before what has none.
func CompareVersions(a, b string) int {
	numbersA, preA, _ := strings.Cut(a, "-")
	numbersB, preB, _ := strings.Cut(b, "-")
	if c := compareParts(numbersA, numbersB); c != 0 {
		return c
	}
	switch {
	case preA == preB:
		return 0
	case preA == "":
		return 1
	case preB == "":
		return -1
	}
	return compareParts(preA, preB)
}

// compareParts compares texts with dots part by part: numbers as numbers and
// before words, and a shorter text before one that goes on.
func compareParts(a, b string) int {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(as), len(bs)) {
		x, errX := strconv.ParseUint(as[i], 10, 64)
		y, errY := strconv.ParseUint(bs[i], 10, 64)
		var c int
		switch {
		case errX == nil && errY == nil:
			c = cmp.Compare(x, y)
		case errX == nil:
			c = -1
		case errY == nil:
			c = 1
		default:
			c = cmp.Compare(as[i], bs[i])
		}
		if c != 0 {
			return c
		}
	}
	return cmp.Compare(len(as), len(bs))
}
