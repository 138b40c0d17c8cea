package catalog

import (
	"time"

	"github.com/lunobot/lunobot/strategy/plugin"
)

// Status says whether an entry may be used.
type Status string

// The states of an entry.
const (
	// Installed entries wait for approval.
	Installed Status = "installed"
	// Approved entries are offered to tenants.
	Approved Status = "approved"
	// Revoked entries were approved once; their bots are paused.
	Revoked Status = "revoked"
)

// Entry is one version of a strategy that was put in.
type Entry struct {
	Ref
	// SHA256 is the file's sum in hex, Size its length in bytes.
	SHA256 string
	Size   int64
	// Manifest is what the file told of itself when it was put in.
	Manifest plugin.Manifest
	// Publisher is who the operator says that it comes from; "" if nobody said.
	Publisher string
	Status    Status
	// Isolation is what its bots must have at least.
	Isolation Isolation
	// InstalledBy, ApprovedBy and RevokedBy say who did so last; the times are
	// zero for what was not done.
	InstalledBy string
	InstalledAt time.Time
	ApprovedBy  string
	ApprovedAt  time.Time
	RevokedBy   string
	RevokedAt   time.Time
	// Reason says why it was revoked.
	Reason string
}

// Change is one line of the catalog's log. It is written with what it tells and
// never changes.
type Change struct {
	// ID is a UUIDv7: they are in the order of the changes.
	ID string
	Ref
	SHA256 string
	// Action is the type of the event, such as EventApproved.
	Action string
	// Actor is who did it, Note what they said.
	Actor string
	Note  string
	At    time.Time
}

// The events, with the name and version as subject. They are of no tenant.
const (
	EventInstalled = "strategy.installed"
	EventApproved  = "strategy.approved"
	EventRevoked   = "strategy.revoked"
	EventRemoved   = "strategy.removed"
	EventIsolated  = "strategy.isolation_changed"
)

// Pin is a bot that a version belongs to.
type Pin struct {
	TenantID, BotID, Name string
}

// Use is how many bots of all tenants a version has.
type Use struct {
	// Ref is the version; without one it is what a server contains.
	Ref
	// Bots are pinned to it, or are to be upgraded to it; Running of them run with it
	// or shall.
	Bots, Running int
}
