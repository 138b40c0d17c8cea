package catalog

import (
	"fmt"
	"strings"

	"github.com/lunobot/lunobot/saas/errs"
)

// Why says why a version cannot be used.
type Why string

// The reasons.
const (
	Unknown        Why = "unknown"
	NotApproved    Why = "not_approved"
	WasRevoked     Why = "revoked"
	FileMissing    Why = "file_missing"
	FileUnreadable Why = "file_unreadable"
	FileChanged    Why = "file_changed"
	BadManifest    Why = "bad_manifest"
)

// words are what tenants and operators are told; "it" is the version.
func (w Why) words() string {
	switch w {
	case NotApproved:
		return "it is not approved"
	case WasRevoked:
		return "its approval was revoked"
	case FileMissing:
		return "its file is gone"
	case FileUnreadable:
		return "its file cannot be read"
	case FileChanged:
		return "its file was changed since it was put in"
	case BadManifest:
		return "this server cannot read its manifest"
	case Unknown:
	}
	return "it is not there"
}

// UnusableError says that a version of a strategy must not be started. It is a
// Conflict with the code "strategy_" and its Why, and its text is for everybody.
type UnusableError struct {
	Ref
	Why Why
	// Err is the cause, for the log only.
	Err error
	// Note is what an operator said when they revoked it.
	Note string
}

// Error implements error.
func (e *UnusableError) Error() string {
	text := fmt.Sprintf("%s cannot be used: %s", strings.TrimSpace(e.Name+" "+e.Version), e.Why.words())
	if e.Note != "" {
		text += " (" + e.Note + ")"
	}
	return text
}

// Local reports whether another process of the installation may be able to use the
// version all the same: what is wrong is this one's copy of the file, or that this
// program does not contain the strategy.
func (e *UnusableError) Local() bool {
	switch e.Why {
	case FileMissing, FileUnreadable, FileChanged, BadManifest:
		return true
	case Unknown:
		return e.Version == ""
	case NotApproved, WasRevoked:
	}
	return false
}

// Unwrap returns the cause.
func (e *UnusableError) Unwrap() error { return e.Err }

// Is makes errors.Is(err, &UnusableError{Why: w}) ask for the reason, and
// &UnusableError{} for any.
func (e *UnusableError) Is(target error) bool {
	t, ok := target.(*UnusableError)
	return ok && (t.Why == "" || t.Why == e.Why) && (t.Name == "" || t.Ref == e.Ref)
}

// As makes it an *errs.Error for those who look for one.
func (e *UnusableError) As(target any) bool {
	to, ok := target.(**errs.Error)
	if ok {
		*to = errs.New(errs.Conflict, "strategy_"+string(e.Why), "%s", e.Error()).Wrap(e.Err)
	}
	return ok
}
