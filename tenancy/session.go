package tenancy

import (
	"time"

	"github.com/lunobot/lunobot/saas/errs"
)

// Session is one login on one device: a family of refresh tokens of which only
// the newest works.
type Session struct {
	// ID is a UUIDv7. It is also the id of the family of refresh tokens.
	ID       string
	TenantID string
	UserID   string
	// Device is what the client said it is, for people to recognise.
	Device string
	// IP is the address of the latest login or refresh, or "".
	IP string
	// Network is the part of IP that a household keeps: see Network.
	Network string
	// Generation counts the refresh tokens; the newest has this number.
	Generation int
	CreatedAt  time.Time
	// LastSeenAt is the time of the latest login or refresh.
	LastSeenAt time.Time
	// ExpiresAt is when the session ends however much it is used.
	ExpiresAt time.Time
	// RevokedAt is when the session was ended, or zero.
	RevokedAt time.Time
	// RevokedReason says by what it was ended.
	RevokedReason RevokeReason
}

// Live reports whether the session is neither revoked nor past its end.
func (s Session) Live(now time.Time) bool { return s.RevokedAt.IsZero() && now.Before(s.ExpiresAt) }

// RevokeReason says by what a session was ended.
type RevokeReason string

// The reasons for which sessions end.
const (
	// RevokedLogout is the user's own logout.
	RevokedLogout RevokeReason = "logout"
	// RevokedByUser is a session that its user ended from another one.
	RevokedByUser RevokeReason = "user"
	// RevokedPassword follows a change of the password.
	RevokedPassword RevokeReason = "password"
	// RevokedDisabled follows the disabling of the user.
	RevokedDisabled RevokeReason = "disabled"
	// RevokedReuse is the answer to a refresh token used twice.
	RevokedReuse RevokeReason = "reuse"
)

// RefreshToken is the stored half of one refresh token.
type RefreshToken struct {
	TenantID  string
	SessionID string
	// Generation is the token's place in its family, from 1.
	Generation int
	// Hash is the SHA-256 of the token's secret; the secret is not stored.
	Hash []byte
	// Salt is what the secret was derived with from its parent's; it is kept
	// only while the token is the newest of its family.
	Salt      []byte
	CreatedAt time.Time
	// ExpiresAt is the end of the idle period.
	ExpiresAt time.Time
	// ReplacedAt is when its successor was made, or zero.
	ReplacedAt time.Time
}

// Principal is who acts, as it was in the database when the request came in.
type Principal struct {
	UserID        string
	TenantID      string
	SessionID     string
	Role          Role
	Email         string
	Name          string
	PlatformAdmin bool
}

// Can reports whether the principal's role in its tenant allows p.
func (p Principal) Can(perm Permission) bool { return p.Role.Can(perm) }

// Require returns nil if the principal's role allows perm, else a Forbidden
// error with code permission_denied that names the permission.
func (p Principal) Require(perm Permission) error {
	if p.Can(perm) {
		return nil
	}
	return errs.New(errs.Forbidden, "permission_denied", "your role (%s) does not allow %s", p.Role, perm).
		With("permission", string(perm))
}

// Access is all that decides whether a session may act, read in one query.
type Access struct {
	Session Session
	Role    Role
	Tenant  Tenant
	User    User
}

// Principal returns who acts through the session.
func (a Access) Principal() Principal {
	return Principal{
		UserID: a.User.ID, TenantID: a.Tenant.ID, SessionID: a.Session.ID, Role: a.Role,
		Email: a.User.Email, Name: a.User.Name(), PlatformAdmin: a.User.PlatformAdmin,
	}
}
