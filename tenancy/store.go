package tenancy

import (
	"context"
	"time"
)

// Store keeps what this package owns. Package tenancydb implements it and
// tenancytest.ExerciseStore says what is expected.
//
// Methods join the transaction that ctx carries. Methods with a tenant id see
// that tenant's rows only and answer NotFound for all others; those without one
// belong to the installation and run outside any tenant's transaction.
type Store interface {
	UserStore
	TenantStore
	SessionStore
	LoginStore
	LinkStore
}

// UserStore keeps users, which are global.
type UserStore interface {
	// InsertUser stores a new user; an address in use is Conflict with code
	// email_taken.
	InsertUser(ctx context.Context, u User, passwordHash string) error
	// User returns a user, or NotFound.
	User(ctx context.Context, userID string) (User, error)
	// Credentials returns the user with a normalised address and the hash of the
	// password, or NotFound.
	Credentials(ctx context.Context, email string) (User, string, error)
	// LockCredentials is Credentials, and nobody else changes the user until the
	// transaction ends.
	LockCredentials(ctx context.Context, email string) (User, string, error)
	// UpdateUser changes a user and returns it, or NotFound.
	UpdateUser(ctx context.Context, userID string, change UserUpdate) (User, error)
	// SetPassword replaces one hash by another. If the stored hash is not oldHash
	// any more, it changes nothing and returns false.
	SetPassword(ctx context.Context, userID, oldHash, newHash string) (bool, error)
	// PlatformAdmins counts the users who administrate the installation.
	PlatformAdmins(ctx context.Context) (int, error)
}

// TenantStore keeps tenants and who belongs to them.
type TenantStore interface {
	InsertTenant(ctx context.Context, tenantID string, t Tenant) error
	// Tenant returns the tenant, or NotFound.
	Tenant(ctx context.Context, tenantID string) (Tenant, error)
	InsertMembership(ctx context.Context, tenantID string, m Membership) error
	// Membership returns a user's membership, or NotFound.
	Membership(ctx context.Context, tenantID, userID string) (Membership, error)
	// DeleteMembership removes a user from the tenant, with all sessions there,
	// or returns NotFound.
	DeleteMembership(ctx context.Context, tenantID, userID string) error
	// Memberships lists a user's memberships, oldest first.
	Memberships(ctx context.Context, userID string) ([]Membership, error)
}

// SessionStore keeps sessions and their refresh tokens.
type SessionStore interface {
	InsertSession(ctx context.Context, tenantID string, s Session) error
	// Session returns a session, ended or not, or NotFound.
	Session(ctx context.Context, tenantID, sessionID string) (Session, error)
	// LockSession locks a session until the transaction ends and returns it. It
	// does not wait: a session that another transaction holds is Conflict with
	// code session_busy, after which the transaction must be given up.
	LockSession(ctx context.Context, tenantID, sessionID string) (Session, error)
	// Access returns the session with its user, role and tenant. NotFound means
	// that one of them is gone; an ended session is returned as such.
	Access(ctx context.Context, tenantID, sessionID string) (Access, error)
	// Sessions lists a user's live sessions in the tenant, newest first.
	Sessions(ctx context.Context, tenantID, userID string, now time.Time) ([]Session, error)
	// AdvanceSession notes the session's newest token and when and from where it
	// was used, or returns NotFound.
	AdvanceSession(ctx context.Context, tenantID, sessionID string, generation int, seen Sighting) error
	// RevokeSession ends a live session and reports whether it was live; a
	// session that is not the tenant's is NotFound.
	RevokeSession(ctx context.Context, tenantID, sessionID string, at time.Time, why RevokeReason) (bool, error)
	// RevokeSessions ends a user's live sessions in the tenant, but for the one
	// called except, and returns their ids.
	RevokeSessions(ctx context.Context, tenantID, userID, except string, at time.Time, why RevokeReason) ([]string, error)

	InsertRefreshToken(ctx context.Context, tenantID string, t RefreshToken) error
	// RefreshToken returns one token of a session, or NotFound.
	RefreshToken(ctx context.Context, tenantID, sessionID string, generation int) (RefreshToken, error)
	// ReplaceRefreshToken marks a token as replaced and forgets its salt, or
	// returns NotFound.
	ReplaceRefreshToken(ctx context.Context, tenantID, sessionID string, generation int, at time.Time) error

	// PruneSessions deletes sessions, of every tenant, that ended before a time,
	// and returns how many.
	PruneSessions(ctx context.Context, before time.Time) (int, error)
}

// Sighting is when and from where a session was used.
type Sighting struct {
	At      time.Time
	IP      string
	Network string
}

// LoginStore keeps the counters that slow down guessing.
type LoginStore interface {
	// KnownNetwork reports whether the user with this address has had a session
	// from this network.
	KnownNetwork(ctx context.Context, email, network string) (bool, error)
	// BlockedUntil returns the latest time until which any of the counters is
	// blocked; zero if none is known.
	BlockedUntil(ctx context.Context, counters []string) (time.Time, error)
	// CountAttempt adds one attempt to a counter in a single statement and sets
	// the delay that limit gives for it. If the counter is blocked at now,
	// it changes nothing and returns false.
	CountAttempt(ctx context.Context, counter string, limit AttemptLimit, now time.Time) (bool, error)
	// ForgiveAttempts takes back one attempt of each counter in one, and all of
	// each counter in all, and lifts their blocks.
	ForgiveAttempts(ctx context.Context, all, one []string) error
	// PruneAttempts deletes counters that were last touched before a time and
	// returns how many.
	PruneAttempts(ctx context.Context, before time.Time) (int, error)
}

// LinkStore keeps single-use links by the hashes of their tokens.
type LinkStore interface {
	// ReplaceLink stores a link and deletes the unused ones of the same purpose.
	ReplaceLink(ctx context.Context, l Link) error
	// ConsumeLink uses a link up. Used, expired and unknown links are NotFound
	// alike; of two calls in parallel one succeeds.
	ConsumeLink(ctx context.Context, purpose string, hash []byte, now time.Time) error
	// DeleteLinks deletes the links of a purpose.
	DeleteLinks(ctx context.Context, purpose string) error
}

// Link is the stored half of a single-use link.
type Link struct {
	// Purpose says what the link is for; a link works for that only.
	Purpose string
	// Hash is the SHA-256 of the link's token; the token is not stored.
	Hash      []byte
	CreatedAt time.Time
	ExpiresAt time.Time
}
