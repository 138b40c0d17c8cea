package tenancy

import (
	_ "embed" // embeds the list of common passwords
	"strings"
	"unicode/utf8"

	"github.com/lunobot/lunobot/saas/errs"
)

// The length of a password, in characters. Nothing is ever cut off.
const (
	minPassword = 8
	maxPassword = 128
)

// commonPasswords holds the passwords that everybody tries first, in lower
// case, one on each line.
//
//go:embed common_passwords.txt
var commonPasswords string

// checkNewPassword notes at path what is wrong with a password that a user with
// this address wants to have. There are no rules of composition: length and
// being unlike the usual guesses are what helps.
func checkNewPassword(f *errs.Fields, path, password, email string) {
	lower := strings.ToLower(strings.TrimSpace(password))
	local, _, _ := strings.Cut(email, "@")
	n := utf8.RuneCountInString(password)
	switch {
	case !utf8.ValidString(password):
		f.Add(path, "must be text")
	case n < minPassword:
		f.Add(path, "must have at least 8 characters")
	case n > maxPassword:
		f.Add(path, "must have at most 128 characters")
	case lower == email || lower == local:
		f.Add(path, "must not be your e-mail address")
	case strings.Contains("\n"+commonPasswords, "\n"+lower+"\n") || oneCharacter(password):
		f.Add(path, "is one of the passwords that are guessed first; please choose another")
	}
}

// oneCharacter reports whether s is one character over and over.
func oneCharacter(s string) bool {
	_, size := utf8.DecodeRuneInString(s)
	return strings.Count(s, s[:size])*size == len(s)
}
