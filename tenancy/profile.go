package tenancy

import (
	"context"
	"log/slog"

	"github.com/lunobot/lunobot/saas/errs"
)

// Profile is what users see of themselves.
type Profile struct {
	User      User
	Tenant    Tenant
	Principal Principal
}

// Me returns the principal's profile as it is now.
func (s *Service) Me(ctx context.Context, p Principal) (Profile, error) {
	a, err := s.access(ctx, p.TenantID, p.SessionID)
	if err != nil {
		return Profile{}, err
	}
	return Profile{User: a.User, Tenant: a.Tenant, Principal: a.Principal()}, nil
}

// UpdateProfileInput names what to change; nil leaves a field as it is.
type UpdateProfileInput struct {
	FirstName *string
	LastName  *string
}

// Validate returns one Invalid error that names every faulty field, or nil.
func (in UpdateProfileInput) Validate() error {
	var f errs.Fields
	if in.FirstName != nil {
		checkName(&f, "/first_name", *in.FirstName)
	}
	if in.LastName != nil {
		checkName(&f, "/last_name", *in.LastName)
	}
	return f.Err()
}

// UpdateProfile changes the principal's own user and returns it.
func (s *Service) UpdateProfile(ctx context.Context, p Principal, in UpdateProfileInput) (User, error) {
	if err := in.Validate(); err != nil {
		return User{}, err
	}
	return s.cfg.Store.UpdateUser(ctx, p.UserID, UserUpdate{FirstName: in.FirstName, LastName: in.LastName})
}

// ChangePasswordInput is what a user gives to change their password.
type ChangePasswordInput struct {
	CurrentPassword string
	NewPassword     string
	// IP is the address that the request came from, or "".
	IP string
}

// LogValue implements slog.LogValuer without the passwords.
func (in ChangePasswordInput) LogValue() slog.Value { return slog.GroupValue(slog.String("ip", in.IP)) }

// validate returns one Invalid error that names every faulty field, or nil.
func (in ChangePasswordInput) validate(email string) error {
	var f errs.Fields
	f.Check(in.CurrentPassword != "", "/current_password", "is required")
	f.Check(len(in.CurrentPassword) <= 4*maxPassword, "/current_password", "is too long")
	checkNewPassword(&f, "/new_password", in.NewPassword, email)
	return f.Err()
}

// ChangePassword replaces the principal's password and ends all of the user's
// other sessions, everywhere. A wrong current password is an Invalid error at
// /current_password, and counts as a failed login.
func (s *Service) ChangePassword(ctx context.Context, p Principal, in ChangePasswordInput) error {
	if err := in.validate(p.Email); err != nil {
		return err
	}
	proved, err := s.prove(ctx, p.Email, in.CurrentPassword, in.IP)
	if err != nil {
		return wrongPassword(err)
	}
	hash, err := s.passwords.Hash(ctx, in.NewPassword)
	if err != nil {
		return err
	}
	return s.cfg.Tx.SystemTx(ctx, "changing a password", func(ctx context.Context) error {
		if _, err := s.stillProved(ctx, proved); err != nil {
			return wrongPassword(err)
		}
		swapped, err := s.cfg.Store.SetPassword(ctx, p.UserID, proved.hash, hash)
		if err != nil {
			return err
		}
		if !swapped {
			return errs.New(errs.Conflict, "password_changed", "the password was changed by somebody else just now")
		}
		if err := s.revokeEverywhere(ctx, p.UserID, p.SessionID, RevokedPassword); err != nil {
			return err
		}
		return s.record(ctx, p.TenantID, EventPasswordChanged, p.UserID, UserEvent{UserID: p.UserID, By: p.UserID})
	})
}

// wrongPassword turns bad credentials into a fault of the field.
func wrongPassword(err error) error {
	if errs.CodeOf(err) != errBadCredentials().Code {
		return err
	}
	var f errs.Fields
	f.Add("/current_password", "is not your password")
	return f.Err()
}

// revokeEverywhere ends a user's sessions in all tenants, but for one, in the
// transaction that ctx carries, which must span tenants.
func (s *Service) revokeEverywhere(ctx context.Context, userID, except string, why RevokeReason) error {
	ms, err := s.cfg.Store.Memberships(ctx, userID)
	if err != nil {
		return err
	}
	for _, m := range ms {
		if _, err := s.revokeAll(ctx, m.TenantID, userID, except, why); err != nil {
			return err
		}
	}
	return nil
}
