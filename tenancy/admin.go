package tenancy

import (
	"context"
	"time"

	"github.com/lunobot/lunobot/saas/errs"
)

const (
	adminLinkPurpose = "admin"
	adminLinkTTL     = time.Hour
)

// CreateAdmin creates a platform administrator with a tenant of their own and
// withdraws the administrator link. An address in use is Conflict with code
// email_taken. It is for the operator's command line: whoever calls it has been
// trusted already.
func (s *Service) CreateAdmin(ctx context.Context, in RegisterInput) (User, error) {
	p, err := s.prepare(ctx, in, true)
	if err != nil {
		return User{}, err
	}
	err = s.cfg.Tx.SystemTx(ctx, "creating an administrator", func(ctx context.Context) error {
		if err := s.cfg.Store.DeleteLinks(ctx, adminLinkPurpose); err != nil {
			return err
		}
		return s.create(ctx, p)
	})
	if err != nil {
		return User{}, err
	}
	return p.user, nil
}

// AdminLink issues the token of the link through which the first platform
// administrator registers; the one issued before stops working. It is good for
// one use within an hour. ok is false, and there is no token, once there is an
// administrator.
func (s *Service) AdminLink(ctx context.Context) (token string, ok bool, err error) {
	secret, err := s.newSecret()
	if err != nil {
		return "", false, err
	}
	now := s.cfg.Now().UTC()
	err = s.cfg.Tx.SystemTx(ctx, "issuing the administrator link", func(ctx context.Context) error {
		n, err := s.cfg.Store.PlatformAdmins(ctx)
		if err != nil || n > 0 {
			return err
		}
		ok = true
		return s.cfg.Store.ReplaceLink(ctx, Link{
			Purpose: adminLinkPurpose, Hash: hashSecret(secret), CreatedAt: now, ExpiresAt: now.Add(adminLinkTTL),
		})
	})
	if err != nil || !ok {
		return "", false, err
	}
	return encodeToken(secret), true, nil
}

// RedeemAdminLink registers the first platform administrator and uses the link
// up. A link that is unknown, expired or used, or that is no longer needed, is
// NotFound with code link_invalid. If the registration is refused, the link
// stays good.
func (s *Service) RedeemAdminLink(ctx context.Context, token string, in RegisterInput) (Login, error) {
	secret, err := decodeToken(token)
	if err != nil || len(secret) != secretBytes {
		return Login{}, errInvalidLink()
	}
	return s.register(ctx, in, true, func(ctx context.Context) error {
		if err := s.cfg.Store.ConsumeLink(ctx, adminLinkPurpose, hashSecret(secret), s.cfg.Now()); err != nil {
			return notFoundIs(err, errInvalidLink())
		}
		n, err := s.cfg.Store.PlatformAdmins(ctx)
		if err != nil {
			return err
		}
		if n > 0 {
			return errInvalidLink()
		}
		return nil
	})
}

// SetUserDisabled disables a user, which ends all their sessions at once, or
// enables one again. Only platform administrators may, and not for themselves;
// for everybody else it is Forbidden with code admin_only.
func (s *Service) SetUserDisabled(ctx context.Context, p Principal, userID string, disabled bool) error {
	if !p.PlatformAdmin {
		return errs.New(errs.Forbidden, "admin_only", "only a platform administrator may do this")
	}
	if userID == p.UserID {
		return errs.New(errs.Conflict, "own_user", "you cannot disable yourself")
	}
	return s.cfg.Tx.SystemTx(ctx, "disabling a user", func(ctx context.Context) error {
		if _, err := s.cfg.Store.UpdateUser(ctx, userID, UserUpdate{Disabled: &disabled}); err != nil {
			return err
		}
		typ := EventUserEnabled
		if disabled {
			typ = EventUserDisabled
			if err := s.revokeEverywhere(ctx, userID, "", RevokedDisabled); err != nil {
				return err
			}
		}
		return s.record(ctx, p.TenantID, typ, userID, UserEvent{UserID: userID, By: p.UserID})
	})
}

func errInvalidLink() *errs.Error {
	return errs.New(errs.NotFound, "link_invalid", "this link has been used, has expired, or never existed; "+
		"the server prints a new one when it starts, as long as there is no administrator")
}
