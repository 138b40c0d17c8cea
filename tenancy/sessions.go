package tenancy

import (
	"context"
	"time"

	"github.com/lunobot/lunobot/saas/errs"
)

// Authenticate returns who holds an access token. The token is checked first
// (codes token_invalid, token_expired), then session, membership and user as
// they are in the database now (code session_ended), so that a logout works at
// once. All refusals are Unauthenticated.
func (s *Service) Authenticate(ctx context.Context, accessToken string) (Principal, error) {
	c, err := s.issuer.read(accessToken)
	if err != nil {
		return Principal{}, err
	}
	a, err := s.access(ctx, c.TenantID, c.SessionID)
	if err != nil {
		return Principal{}, err
	}
	if a.User.ID != c.Subject {
		return Principal{}, errInvalidToken()
	}
	return a.Principal(), nil
}

// access returns what a session may do now, or that it has ended.
func (s *Service) access(ctx context.Context, tenantID, sessionID string) (Access, error) {
	a, err := s.cfg.Store.Access(ctx, tenantID, sessionID)
	if err != nil {
		return Access{}, notFoundIs(err, errSessionEnded())
	}
	if !a.Session.Live(s.cfg.Now()) || a.User.Disabled {
		return Access{}, errSessionEnded()
	}
	return a, nil
}

// Logout ends the principal's session; ending it twice is no error.
func (s *Service) Logout(ctx context.Context, p Principal) error {
	return s.end(ctx, p, p.SessionID, RevokedLogout)
}

// Sessions lists the principal's live sessions in its tenant, newest first; the
// principal's own has the id p.SessionID.
func (s *Service) Sessions(ctx context.Context, p Principal) ([]Session, error) {
	return s.cfg.Store.Sessions(ctx, p.TenantID, p.UserID, s.cfg.Now())
}

// RevokeSession ends one of the principal's sessions; anybody else's is
// NotFound.
func (s *Service) RevokeSession(ctx context.Context, p Principal, sessionID string) error {
	return s.end(ctx, p, sessionID, RevokedByUser)
}

// RevokeOtherSessions ends all of the principal's sessions in its tenant but
// the present one, and returns how many.
func (s *Service) RevokeOtherSessions(ctx context.Context, p Principal) (int, error) {
	n := 0
	err := s.cfg.Tx.Tx(ctx, p.TenantID, func(ctx context.Context) error {
		var err error
		n, err = s.revokeAll(ctx, p.TenantID, p.UserID, p.SessionID, RevokedByUser)
		return err
	})
	return n, err
}

func (s *Service) end(ctx context.Context, p Principal, sessionID string, why RevokeReason) error {
	return s.cfg.Tx.Tx(ctx, p.TenantID, func(ctx context.Context) error {
		found, err := s.cfg.Store.Session(ctx, p.TenantID, sessionID)
		if err != nil {
			return err
		}
		if found.UserID != p.UserID {
			return errs.New(errs.NotFound, "session_not_found", "no session %q", sessionID)
		}
		return s.revoke(ctx, found, s.cfg.Now().UTC(), why)
	})
}

// revoke ends a session in the transaction that ctx carries; one that has ended
// already is left alone.
func (s *Service) revoke(ctx context.Context, of Session, at time.Time, why RevokeReason) error {
	live, err := s.cfg.Store.RevokeSession(ctx, of.TenantID, of.ID, at, why)
	if err != nil || !live {
		return err
	}
	return s.record(ctx, of.TenantID, EventSessionRevoked, of.ID,
		SessionEvent{SessionID: of.ID, UserID: of.UserID, Device: of.Device, IP: of.IP, Reason: why})
}

// revokeAll ends a user's sessions in a tenant, but for one, in the transaction
// that ctx carries.
func (s *Service) revokeAll(ctx context.Context, tenantID, userID, except string, why RevokeReason) (int, error) {
	ids, err := s.cfg.Store.RevokeSessions(ctx, tenantID, userID, except, s.cfg.Now().UTC(), why)
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		err := s.record(ctx, tenantID, EventSessionRevoked, id, SessionEvent{SessionID: id, UserID: userID, Reason: why})
		if err != nil {
			return 0, err
		}
	}
	return len(ids), nil
}
