package pluginhost

import "fmt"

// Kind says what went wrong with a plugin.
type Kind string

// The kinds of failure.
const (
	// NotFound means that no source has the name.
	NotFound Kind = "not_found"
	// Start means that the operating system would not start the file.
	Start Kind = "start"
	// Tampered means that the file is not the one whose SHA-256 was pinned.
	Tampered Kind = "tampered"
	// Handshake means that the process ended or went wrong before it served.
	Handshake Kind = "handshake"
	// Protocol means that the two sides speak no common version.
	Protocol Kind = "protocol"
	// Garbage means that the plugin said what cannot be understood.
	Garbage Kind = "garbage"
	// Timeout means that it did not answer in time and was killed.
	Timeout Kind = "timeout"
	// Crashed means that the process ended by itself.
	Crashed Kind = "crashed"
	// Overuse means that the process used more of the processor than it may, while it was
	// called or when nothing was asked of it, or held more memory or files, and was killed.
	Overuse Kind = "overuse"
	// Broken means that it failed too often in a row and rests for a while.
	Broken Kind = "broken"
	// Stopped means that the host has ended the process.
	Stopped Kind = "stopped"
)

// Error is a failure of a plugin as a whole. What concerns one bot or one
// backtest is a *plugin.BotError or *plugin.RunError instead.
type Error struct {
	// Plugin is the strategy's name.
	Plugin string
	Kind   Kind
	// Err is the cause.
	Err error
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("plugin %s: %s: %v", e.Plugin, e.Kind, e.Err) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is makes errors.Is(err, &Error{Kind: k}) ask for the kind.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Err == nil && (t.Plugin == "" || t.Plugin == e.Plugin) && t.Kind == e.Kind
}

func fault(name string, kind Kind, format string, args ...any) *Error {
	return &Error{Plugin: name, Kind: kind, Err: fmt.Errorf(format, args...)}
}
