package tenancytest

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/tenancy"
	"github.com/lunobot/lunobot/tenancy/vault"
)

// Subject is the store under test and the transactions that it joins.
type Subject struct {
	Keys  vault.Store
	Store tenancy.Store
	Tx    tenancy.Transactor
}

// ExerciseStore runs the suite, each part as a subtest on a fresh subject.
func ExerciseStore(t *testing.T, open func(t *testing.T) Subject) {
	t.Helper()
	for name, test := range map[string]func(t *testing.T, s Subject){
		"users":             exerciseUsers,
		"memberships":       exerciseMemberships,
		"sessions":          exerciseSessions,
		"session lock":      exerciseSessionLock,
		"refresh tokens":    exerciseRefreshTokens,
		"pruning":           exercisePruning,
		"login attempts":    exerciseAttempts,
		"attempt delays":    exerciseDelays,
		"known networks":    exerciseKnownNetwork,
		"links":             exerciseLinks,
		"tenant keys":       exerciseKeys,
		"tenants are apart": exerciseIsolation,
		"rollback":          exerciseRollback,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

// start is the time at which every part begins; whole microseconds, because
// that is what stores keep.
func start() time.Time { return time.Date(2030, 1, 2, 3, 4, 5, 678901000, time.UTC) }

// seed is one tenant with one owner and one session.
type seed struct {
	user    tenancy.User
	tenant  tenancy.Tenant
	session tenancy.Session
	token   tenancy.RefreshToken
	key     vault.Key
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

func (s Subject) seed(t *testing.T, email string) seed {
	t.Helper()
	now := start()
	v := seed{
		user:   tenancy.User{ID: newID(), Email: email, FirstName: "Ada", LastName: "Lovelace", CreatedAt: now},
		tenant: tenancy.Tenant{ID: newID(), Name: "Engines of " + email, CreatedAt: now},
	}
	v.session = session(v.tenant.ID, v.user.ID)
	v.token = tenancy.RefreshToken{
		TenantID: v.tenant.ID, SessionID: v.session.ID, Generation: 1, Hash: []byte("hash of " + email),
		Salt: []byte{0, 1, 255}, CreatedAt: now, ExpiresAt: now.Add(time.Hour),
	}
	v.key = vault.Key{
		TenantID: v.tenant.ID, ID: newID(), Generation: 1, KEK: "kek-1", Public: []byte{1, 0}, Wrapped: []byte{2, 255}, CreatedAt: now,
	}
	ctx, id := t.Context(), v.tenant.ID
	noError(t, s.Store.InsertUser(ctx, v.user, "hash-1"))
	noError(t, s.Store.InsertTenant(ctx, id, v.tenant))
	noError(t, s.Store.InsertMembership(ctx, id, tenancy.Membership{TenantID: id, UserID: v.user.ID, Role: tenancy.Owner, CreatedAt: now}))
	noError(t, s.Store.InsertSession(ctx, id, v.session))
	noError(t, s.Store.InsertRefreshToken(ctx, id, v.token))
	noError(t, s.Keys.AddKey(ctx, id, v.key))
	return v
}

func session(tenantID, userID string) tenancy.Session {
	now := start()
	return tenancy.Session{
		ID: newID(), TenantID: tenantID, UserID: userID, Device: "Firefox", IP: "192.0.2.7", Network: "192.0.2.7",
		Generation: 1, CreatedAt: now, LastSeenAt: now, ExpiresAt: now.Add(24 * time.Hour),
	}
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantKind fails the test unless err has the kind.
func wantKind(t *testing.T, what string, err error, kind errs.Kind) {
	t.Helper()
	if err == nil || errs.KindOf(err) != kind {
		t.Errorf("%s: got %v, want an error of kind %s", what, err, kind)
	}
}

// must returns a function that fails the test on an error and else passes the
// value on.
func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
