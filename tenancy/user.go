package tenancy

import (
	"net/mail"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/lunobot/lunobot/saas/errs"
)

// The longest values that a user may give, in characters.
const (
	maxEmail  = 254
	maxName   = 100
	maxDevice = 200
)

// User is a person who can log in. Users are global: one person may belong to
// several tenants.
type User struct {
	// ID is a UUIDv7.
	ID string
	// Email is normalised by NormalizeEmail and unique.
	Email     string
	FirstName string
	LastName  string
	// PlatformAdmin marks an operator of the whole installation.
	PlatformAdmin bool
	// Disabled users cannot log in and have no sessions.
	Disabled  bool
	CreatedAt time.Time
}

// Name returns the user's full name, or the e-mail address if there is none.
func (u User) Name() string {
	if n := strings.TrimSpace(u.FirstName + " " + u.LastName); n != "" {
		return n
	}
	return u.Email
}

// UserUpdate names the fields of a user to change; nil leaves one as it is.
type UserUpdate struct {
	FirstName *string
	LastName  *string
	Disabled  *bool
}

// NormalizeEmail returns the form in which an address is stored and compared:
// trimmed and in lower case.
func NormalizeEmail(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// validEmail reports whether s is a bare address, such as ada@example.com.
func validEmail(s string) bool {
	if utf8.RuneCountInString(s) > maxEmail {
		return false
	}
	a, err := mail.ParseAddress(s)
	return err == nil && a.Name == "" && a.Address == s && !strings.ContainsAny(s, "\"<> ")
}

// checkName notes a name that is too long or is no line of text.
func checkName(f *errs.Fields, path, s string) {
	f.Check(utf8.ValidString(s) && utf8.RuneCountInString(s) <= maxName, path, "must be at most 100 characters")
	f.CheckLine(path, s)
}

// cleanDevice cuts what a client says about itself to what is worth storing.
func cleanDevice(s string) string {
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return -1
		}
		return r
	}, s))
	if r := []rune(s); len(r) > maxDevice {
		return string(r[:maxDevice])
	}
	return s
}
