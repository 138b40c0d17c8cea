package tenancy

import (
	"context"
	"log/slog"
	"time"

	"github.com/lunobot/lunobot/saas/errs"
)

// RegisterInput is what a new customer gives.
type RegisterInput struct {
	Email     string
	Password  string
	FirstName string
	LastName  string
	// Device is what the client says it is, such as a User-Agent; it is cut to
	// 200 characters.
	Device string
	// IP is the address that the request came from, or "".
	IP string
}

// Validate returns one Invalid error that names every faulty field, or nil.
func (in RegisterInput) Validate() error {
	var f errs.Fields
	email := NormalizeEmail(in.Email)
	f.Check(validEmail(email), "/email", "must be an e-mail address")
	checkNewPassword(&f, "/password", in.Password, email)
	checkName(&f, "/first_name", in.FirstName)
	checkName(&f, "/last_name", in.LastName)
	return f.Err()
}

// LogValue implements slog.LogValuer without the password.
func (in RegisterInput) LogValue() slog.Value {
	return slog.GroupValue(slog.String("device", in.Device), slog.String("ip", in.IP))
}

// Register creates a user and a tenant of which the user is the owner, enrols
// the tenant and logs the user in, all or nothing. An address in use is
// Conflict with code email_taken.
func (s *Service) Register(ctx context.Context, in RegisterInput) (Login, error) {
	return s.register(ctx, in, false, nil)
}

// register is Register for users of either kind; before runs first in the
// transaction and may refuse it.
func (s *Service) register(ctx context.Context, in RegisterInput, admin bool, before func(context.Context) error) (Login, error) {
	p, err := s.prepare(ctx, in, admin)
	if err != nil {
		return Login{}, err
	}
	var l Login
	err = s.cfg.Tx.SystemTx(ctx, "registering", func(ctx context.Context) error {
		if before != nil {
			if err := before(ctx); err != nil {
				return err
			}
		}
		if err := s.create(ctx, p); err != nil {
			return err
		}
		a := Access{User: p.user, Tenant: p.tenant, Role: Owner}
		l, err = s.open(ctx, a, in.Device, in.IP)
		return err
	})
	if err != nil {
		return Login{}, err
	}
	return l, nil
}

// newcomer is a user and a tenant that are ready to be stored.
type newcomer struct {
	user   User
	tenant Tenant
	hash   string
}

// prepare does what needs no transaction: checking, hashing, naming.
func (s *Service) prepare(ctx context.Context, in RegisterInput, admin bool) (newcomer, error) {
	if err := in.Validate(); err != nil {
		return newcomer{}, err
	}
	hash, err := s.passwords.Hash(ctx, in.Password)
	if err != nil {
		return newcomer{}, err
	}
	userID, err := s.newID()
	if err != nil {
		return newcomer{}, err
	}
	tenantID, err := s.newID()
	if err != nil {
		return newcomer{}, err
	}
	now := s.cfg.Now().UTC().Truncate(time.Microsecond) // what the databases keep
	u := User{
		ID: userID, Email: NormalizeEmail(in.Email), FirstName: in.FirstName, LastName: in.LastName,
		PlatformAdmin: admin, CreatedAt: now,
	}
	return newcomer{user: u, tenant: Tenant{ID: tenantID, Name: u.Name(), CreatedAt: now}, hash: hash}, nil
}

// create stores a newcomer in the transaction that ctx carries.
func (s *Service) create(ctx context.Context, p newcomer) error {
	m := Membership{TenantID: p.tenant.ID, UserID: p.user.ID, Role: Owner, CreatedAt: p.user.CreatedAt}
	if err := s.cfg.Store.InsertUser(ctx, p.user, p.hash); err != nil {
		return err
	}
	if err := s.cfg.Store.InsertTenant(ctx, p.tenant.ID, p.tenant); err != nil {
		return err
	}
	if err := s.cfg.Store.InsertMembership(ctx, p.tenant.ID, m); err != nil {
		return err
	}
	if err := s.cfg.Enrol(ctx, p.tenant); err != nil {
		return err
	}
	return s.record(ctx, p.tenant.ID, EventRegistered, p.tenant.ID,
		Registered{TenantID: p.tenant.ID, UserID: p.user.ID, PlatformAdmin: p.user.PlatformAdmin})
}
