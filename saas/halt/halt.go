package halt

import (
	"fmt"
	"time"
)

// Scope says what a switch covers.
type Scope string

// The scopes.
const (
	// Bot is one bot.
	Bot Scope = "bot"
	// Tenant is every bot of a tenant.
	Tenant Scope = "tenant"
	// Platform is every bot of the installation.
	Platform Scope = "platform"
)

// Halt is a kill switch that was pulled.
type Halt struct {
	ID string
	// TenantID is the tenant that it covers; "" for all.
	TenantID string
	// BotID is the bot that it covers; "" for all of the tenant.
	BotID string
	// Flatten is true if positions are closed, too.
	Flatten bool
	// Reason is what the one who pulled it said; "" if nothing.
	Reason   string
	PulledBy string
	PulledAt time.Time
	// ReleasedBy and ReleasedAt are "" and zero while it is on.
	ReleasedBy string
	ReleasedAt time.Time
	// Stopped is how many bots were asked to stop when it was pulled.
	Stopped int64
}

// Scope is what it covers.
func (h Halt) Scope() Scope {
	switch {
	case h.TenantID == "":
		return Platform
	case h.BotID == "":
		return Tenant
	}
	return Bot
}

// On reports whether it is on.
func (h Halt) On() bool { return h.ReleasedAt.IsZero() }

// Covers reports whether it is on and of a bot.
func (h Halt) Covers(tenantID, botID string) bool {
	return h.On() && (h.TenantID == "" || h.TenantID == tenantID && (h.BotID == "" || h.BotID == botID))
}

// Says tells of it in a sentence.
func (h Halt) Says() string {
	text := "A kill switch is on for this bot."
	switch h.Scope() {
	case Tenant:
		text = "The kill switch is on: your bots are stopped, and none can be started."
	case Platform:
		text = "All bots of this installation are stopped by its operator, and none can be started."
	case Bot:
	}
	if h.Reason != "" {
		text += fmt.Sprintf(" The reason given is: %s", h.Reason)
	}
	return text
}

// Halts are switches of any scope.
type Halts []Halt

// Cover returns a switch that is on and covers a bot, the widest first, and whether
// there is one.
func (hs Halts) Cover(tenantID, botID string) (Halt, bool) {
	var found Halt
	ok := false
	for _, h := range hs {
		if h.Covers(tenantID, botID) && (!ok || wider(h, found)) {
			found, ok = h, true
		}
	}
	return found, ok
}

// wider reports whether one switch covers more than another.
func wider(a, b Halt) bool {
	return a.TenantID == "" && b.TenantID != "" || a.BotID == "" && b.BotID != ""
}

// Events of switches: their types, as package event carries them. The subject is the
// switch's id; the tenant is "" for one of the installation.
const (
	EventPulled   = "halt.pulled"
	EventReleased = "halt.released"
)
