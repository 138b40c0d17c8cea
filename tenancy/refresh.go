package tenancy

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/lunobot/lunobot/saas/errs"
)

const (
	// refreshPrefix lets secret scanners recognise a refresh token.
	refreshPrefix = "lrt_"
	// refreshWait is how long a refresh waits for others of the same session.
	refreshWait = 5 * time.Second
)

// refreshToken is a refresh token in the hands of its owner. It names its
// tenant and session, so that looking it up needs no search over tenants.
type refreshToken struct {
	tenantID, sessionID uuid.UUID
	generation          uint32
	secret              []byte
}

// encode returns the form that clients hold.
func (t refreshToken) encode() string {
	b := append(t.tenantID[:], t.sessionID[:]...)
	b = binary.BigEndian.AppendUint32(b, t.generation)
	return refreshPrefix + encodeToken(append(b, t.secret...))
}

func parseRefreshToken(s string) (refreshToken, error) {
	rest, ok := strings.CutPrefix(s, refreshPrefix)
	b, err := decodeToken(rest)
	if !ok || err != nil || len(b) != 16+16+4+secretBytes {
		return refreshToken{}, errInvalidToken()
	}
	return refreshToken{
		tenantID: uuid.UUID(b[:16]), sessionID: uuid.UUID(b[16:32]),
		generation: binary.BigEndian.Uint32(b[32:36]), secret: b[36:],
	}, nil
}

// successor derives the next token of the family. Its secret is a function of
// this one's and of a random salt that is stored: who holds this token can be
// given the same successor again although no secret is stored, while neither
// the token alone nor a copy of the database is enough to compute it.
func (t refreshToken) successor(salt []byte) refreshToken {
	next := t
	next.generation++
	mac := hmac.New(sha256.New, t.secret)
	mac.Write([]byte("lunobot refresh token 1"))
	mac.Write(t.tenantID[:])
	mac.Write(t.sessionID[:])
	mac.Write(binary.BigEndian.AppendUint32(nil, next.generation))
	mac.Write(salt)
	next.secret = mac.Sum(nil)
	return next
}

// open starts a session for a user in the transaction that ctx carries.
func (s *Service) open(ctx context.Context, a Access, device, ip string) (Login, error) {
	now := s.cfg.Now().UTC()
	id, err := s.newID()
	if err != nil {
		return Login{}, err
	}
	secret, err := s.newSecret()
	if err != nil {
		return Login{}, err
	}
	a.Session = Session{
		ID: id, TenantID: a.Tenant.ID, UserID: a.User.ID, Device: cleanDevice(device), IP: cleanDevice(ip), Network: Network(ip),
		Generation: 1, CreatedAt: now, LastSeenAt: now, ExpiresAt: now.Add(s.cfg.Tokens.RefreshAbsolute),
	}
	if err := s.cfg.Store.InsertSession(ctx, a.Tenant.ID, a.Session); err != nil {
		return Login{}, err
	}
	tenantUUID, terr := uuid.Parse(a.Tenant.ID)
	sessionUUID, serr := uuid.Parse(id)
	if err := errors.Join(terr, serr); err != nil {
		return Login{}, fmt.Errorf("opening a session: %w", err)
	}
	t := refreshToken{tenantID: tenantUUID, sessionID: sessionUUID, generation: 1, secret: secret}
	if err := s.storeToken(ctx, a.Session, t, nil, now); err != nil {
		return Login{}, err
	}
	err = s.record(ctx, a.Tenant.ID, EventLoggedIn, id,
		SessionEvent{SessionID: id, UserID: a.User.ID, Device: a.Session.Device, IP: a.Session.IP})
	if err != nil {
		return Login{}, err
	}
	return s.login(a, t, now)
}

// storeToken stores the half of a token that the business keeps.
func (s *Service) storeToken(ctx context.Context, of Session, t refreshToken, salt []byte, now time.Time) error {
	expires := now.Add(s.cfg.Tokens.RefreshIdle)
	if expires.After(of.ExpiresAt) {
		expires = of.ExpiresAt
	}
	return s.cfg.Store.InsertRefreshToken(ctx, of.TenantID, RefreshToken{
		TenantID: of.TenantID, SessionID: of.ID, Generation: int(t.generation),
		Hash: hashSecret(t.secret), Salt: salt, CreatedAt: now, ExpiresAt: expires,
	})
}

// login puts together what the client gets.
func (s *Service) login(a Access, t refreshToken, now time.Time) (Login, error) {
	p := a.Principal()
	access, err := s.issuer.issue(p, now)
	if err != nil {
		return Login{}, err
	}
	return Login{User: a.User, Tenant: a.Tenant, Principal: p, Tokens: Tokens{
		AccessToken: access, RefreshToken: t.encode(), TokenType: "Bearer",
		ExpiresIn: int(s.cfg.Tokens.AccessTTL / time.Second),
	}}, nil
}

// RefreshInput is what a client gives to get new tokens.
type RefreshInput struct {
	RefreshToken string
	// IP is the address that the request came from, or "".
	IP string
}

// Validate returns one Invalid error that names every faulty field, or nil.
func (in RefreshInput) Validate() error {
	var f errs.Fields
	f.Check(in.RefreshToken != "", "/refresh_token", "is required")
	return f.Err()
}

// LogValue implements slog.LogValuer without the token.
func (in RefreshInput) LogValue() slog.Value { return slog.GroupValue(slog.String("ip", in.IP)) }

// Refresh exchanges the newest refresh token of a session for its successor and
// a new access token.
//
// The parent of the newest token, for Tokens.ReuseGrace after it was exchanged,
// is answered with that same newest token: clients that asked twice at once, or
// lost the answer, go on. Any other token of the session that comes back after
// the grace was probably stolen: the session ends, which is committed although
// the caller gets an error (code token_reused). An older ancestor that comes
// back within the grace is refused only (code token_superseded).
//
// All refusals are Unauthenticated, but for session_busy, a Conflict, after
// waiting for five seconds for others of the same session. Refresh must not be
// called inside a transaction, and goes to its end even if ctx is cancelled.
func (s *Service) Refresh(ctx context.Context, in RefreshInput) (Login, error) {
	if err := in.Validate(); err != nil {
		return Login{}, err
	}
	t, err := parseRefreshToken(in.RefreshToken)
	if err != nil {
		return Login{}, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), refreshWait)
	defer cancel()
	if err := s.recognise(ctx, t); err != nil {
		return Login{}, err
	}
	for {
		var r rotation
		err := s.cfg.Tx.Tx(ctx, t.tenantID.String(), func(ctx context.Context) error {
			var err error
			r, err = s.rotate(ctx, t, in)
			return err
		})
		switch {
		case err == nil:
			return r.login, r.refusal
		case ctx.Err() != nil:
			return Login{}, errSessionBusy().Wrap(err)
		case errs.CodeOf(err) != "session_busy":
			return Login{}, err
		}
		if err := s.pause(ctx); err != nil {
			return Login{}, errSessionBusy().Wrap(err)
		}
	}
}

// recognise refuses tokens that were never issued, before they can make anybody
// wait for a lock.
func (s *Service) recognise(ctx context.Context, t refreshToken) error {
	stored, err := s.cfg.Store.RefreshToken(ctx, t.tenantID.String(), t.sessionID.String(), int(t.generation))
	if err != nil {
		return notFoundIs(err, errInvalidToken())
	}
	if subtle.ConstantTimeCompare(stored.Hash, hashSecret(t.secret)) != 1 {
		return errInvalidToken()
	}
	return nil
}

// rotation is the outcome of a refresh whose transaction commits: a login, or a
// refusal whose effects stay.
type rotation struct {
	login   Login
	refusal error
}

// rotate does the work of Refresh for a token that was recognised, in the
// transaction that ctx carries. Its error undoes the transaction.
func (s *Service) rotate(ctx context.Context, t refreshToken, in RefreshInput) (rotation, error) {
	tenantID, sessionID, now := t.tenantID.String(), t.sessionID.String(), s.cfg.Now().UTC()
	if _, err := s.cfg.Store.LockSession(ctx, tenantID, sessionID); err != nil {
		return rotation{}, notFoundIs(err, errInvalidToken())
	}
	stored, err := s.cfg.Store.RefreshToken(ctx, tenantID, sessionID, int(t.generation))
	if err != nil {
		return rotation{}, notFoundIs(err, errInvalidToken())
	}
	a, err := s.cfg.Store.Access(ctx, tenantID, sessionID)
	if err != nil {
		return rotation{}, notFoundIs(err, errSessionEnded())
	}
	if !a.Session.Live(now) || a.User.Disabled {
		return rotation{}, errSessionEnded()
	}
	newest := a.Session.Generation
	inGrace := now.Before(stored.ReplacedAt.Add(s.cfg.Tokens.ReuseGrace))
	switch generation := int(t.generation); {
	case generation == newest && !now.Before(stored.ExpiresAt):
		return rotation{}, errSessionEnded()
	case generation == newest:
		return s.advance(ctx, a, t, in, now)
	case generation == newest-1 && inGrace:
		return s.repeat(ctx, a, t, now)
	case inGrace:
		return rotation{}, errs.New(errs.Unauthenticated, "token_superseded", "the refresh token has been replaced by a newer one")
	}
	return s.punish(ctx, a, now)
}

// advance replaces the newest token by its successor.
func (s *Service) advance(ctx context.Context, a Access, t refreshToken, in RefreshInput, now time.Time) (rotation, error) {
	salt, err := s.newSecret()
	if err != nil {
		return rotation{}, err
	}
	next, of := t.successor(salt), a.Session
	if err := s.cfg.Store.ReplaceRefreshToken(ctx, of.TenantID, of.ID, of.Generation, now); err != nil {
		return rotation{}, err
	}
	if err := s.storeToken(ctx, of, next, salt, now); err != nil {
		return rotation{}, err
	}
	seen := Sighting{At: now, IP: cleanDevice(in.IP), Network: Network(in.IP)}
	if err := s.cfg.Store.AdvanceSession(ctx, of.TenantID, of.ID, int(next.generation), seen); err != nil {
		return rotation{}, err
	}
	l, err := s.login(a, next, now)
	return rotation{login: l}, err
}

// repeat answers the parent of the newest token with the newest token.
func (s *Service) repeat(ctx context.Context, a Access, parent refreshToken, now time.Time) (rotation, error) {
	stored, err := s.cfg.Store.RefreshToken(ctx, a.Session.TenantID, a.Session.ID, a.Session.Generation)
	if err != nil {
		return rotation{}, err
	}
	l, err := s.login(a, parent.successor(stored.Salt), now)
	return rotation{login: l}, err
}

// punish ends a session of which an old token came back.
func (s *Service) punish(ctx context.Context, a Access, now time.Time) (rotation, error) {
	e := SessionEvent{SessionID: a.Session.ID, UserID: a.User.ID, Device: a.Session.Device, IP: a.Session.IP, Reason: RevokedReuse}
	if err := s.record(ctx, a.Tenant.ID, EventReuseDetected, a.Session.ID, e); err != nil {
		return rotation{}, err
	}
	if err := s.revoke(ctx, a.Session, now, RevokedReuse); err != nil {
		return rotation{}, err
	}
	s.cfg.Logger.WarnContext(ctx, "a refresh token was used twice; its session is ended",
		"tenant_id", a.Tenant.ID, "user_id", a.User.ID, "session_id", a.Session.ID)
	return rotation{refusal: errs.New(errs.Unauthenticated, "token_reused",
		"this refresh token was used before; for safety the session has been ended, please log in again")}, nil
}

// pause waits for 10 to 30 ms, or until ctx ends.
func (s *Service) pause(ctx context.Context) error {
	var b [1]byte
	if _, err := io.ReadFull(s.cfg.Rand, b[:]); err != nil {
		return fmt.Errorf("choosing a pause: %w", err)
	}
	timer := time.NewTimer(10*time.Millisecond + time.Duration(b[0])*20*time.Millisecond/255)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// notFoundIs turns a NotFound error into another and leaves all others.
func notFoundIs(err error, other *errs.Error) error {
	if err != nil && errs.KindOf(err) == errs.NotFound {
		return other
	}
	return err
}

func errSessionBusy() *errs.Error {
	return errs.New(errs.Conflict, "session_busy", "the session is being refreshed by others; please try again")
}
