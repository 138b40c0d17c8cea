package tenancy

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/lunobot/lunobot/saas/errs"
)

// Login is a fresh or refreshed session.
type Login struct {
	User      User
	Tenant    Tenant
	Principal Principal
	Tokens    Tokens
}

// Tokens are the credentials of a session. They are secrets: nothing but their
// type and age is logged.
type Tokens struct {
	// AccessToken goes with each request.
	AccessToken string
	// RefreshToken gets the next pair of tokens, once.
	RefreshToken string
	// TokenType is "Bearer".
	TokenType string
	// ExpiresIn is the life of the access token in seconds.
	ExpiresIn int
}

// LogValue implements slog.LogValuer without the secrets.
func (t Tokens) LogValue() slog.Value {
	return slog.GroupValue(slog.String("token_type", t.TokenType), slog.Int("expires_in", t.ExpiresIn))
}

// LoginInput is what somebody gives to log in.
type LoginInput struct {
	Email    string
	Password string
	// Device is what the client says it is; it is cut to 200 characters.
	Device string
	// IP is the address that the request came from. Without one, attempts are
	// limited by account only.
	IP string
}

// Validate returns one Invalid error that names every faulty field, or nil.
func (in LoginInput) Validate() error {
	var f errs.Fields
	f.Check(NormalizeEmail(in.Email) != "", "/email", "is required")
	f.Check(len(in.Email) <= 4*maxEmail, "/email", "is too long")
	f.Check(in.Password != "", "/password", "is required")
	f.Check(len(in.Password) <= 4*maxPassword, "/password", "is too long")
	return f.Err()
}

// LogValue implements slog.LogValuer without the password.
func (in LoginInput) LogValue() slog.Value {
	return slog.GroupValue(slog.String("device", in.Device), slog.String("ip", in.IP))
}

// Login opens a new session. Unknown user, wrong password and disabled user are
// all Unauthenticated with code bad_credentials, after the same work. Too many
// attempts are RateLimited with code too_many_attempts, and too many people at
// once Unavailable with code busy; both have retry_after, in seconds, in Meta.
func (s *Service) Login(ctx context.Context, in LoginInput) (Login, error) {
	if err := in.Validate(); err != nil {
		return Login{}, err
	}
	proved, err := s.prove(ctx, NormalizeEmail(in.Email), in.Password, in.IP)
	if err != nil {
		return Login{}, err
	}
	var l Login
	err = s.cfg.Tx.SystemTx(ctx, "logging in", func(ctx context.Context) error {
		user, err := s.stillProved(ctx, proved)
		if err != nil {
			return err
		}
		ms, err := s.cfg.Store.Memberships(ctx, user.ID)
		if err != nil {
			return err
		}
		if len(ms) == 0 {
			return errBadCredentials()
		}
		t, err := s.cfg.Store.Tenant(ctx, ms[0].TenantID)
		if err != nil {
			return err
		}
		l, err = s.open(ctx, Access{User: user, Tenant: t, Role: ms[0].Role}, in.Device, in.IP)
		return err
	})
	if err != nil {
		return Login{}, err
	}
	return l, nil
}

// proof is a user whose password was right, and its hash as it is now stored.
type proof struct {
	user User
	hash string
}

// prove checks a password as Login promises. The place at the hashing machine
// is taken before the attempt is counted, so that users who log in often at the
// same time do not count against themselves.
func (s *Service) prove(ctx context.Context, email, password, ip string) (proof, error) {
	a, err := s.newAttempt(ctx, email, ip)
	if err != nil {
		return proof{}, err
	}
	if err := a.check(ctx); err != nil {
		return proof{}, err
	}
	p, err := s.tryPassword(ctx, a, email, password)
	if err != nil {
		return proof{}, err
	}
	return p, a.forgive(ctx)
}

func (s *Service) tryPassword(ctx context.Context, a *attempt, email, password string) (proof, error) {
	release, err := s.passwords.acquire(ctx)
	if err != nil {
		return proof{}, err
	}
	defer release()
	if err := a.count(ctx); err != nil {
		return proof{}, err
	}
	user, stored, err := s.cfg.Store.Credentials(ctx, email)
	if err != nil && errs.KindOf(err) != errs.NotFound {
		return proof{}, err
	}
	ok, stale, err := s.passwords.verify(stored, password)
	if err != nil {
		return proof{}, fmt.Errorf("checking the password of user %s: %w", user.ID, err)
	}
	if !ok || user.Disabled {
		return proof{}, errBadCredentials()
	}
	if stale {
		stored = s.rehash(ctx, user.ID, stored, password)
	}
	return proof{user, stored}, nil
}

// rehash stores the hash of a right password with today's parameters and
// returns the hash that is now stored. A failure is no reason to refuse the
// login: the old hash stays.
func (s *Service) rehash(ctx context.Context, userID, stored, password string) string {
	renewed, err := s.passwords.hash(password)
	swapped := false
	if err == nil {
		swapped, err = s.cfg.Store.SetPassword(ctx, userID, stored, renewed)
	}
	switch {
	case err != nil:
		s.cfg.Logger.WarnContext(ctx, "renewing a password hash", "user_id", userID, "error", err)
	case swapped:
		return renewed
	}
	return stored
}

// stillProved looks again inside the transaction that ctx carries: the user may
// have been disabled, or the password changed, while the hash was computed. It
// locks the user, so that neither happens before the transaction ends either.
func (s *Service) stillProved(ctx context.Context, p proof) (User, error) {
	user, hash, err := s.cfg.Store.LockCredentials(ctx, p.user.Email)
	switch {
	case err != nil && errs.KindOf(err) != errs.NotFound:
		return User{}, err
	case err != nil || user.ID != p.user.ID || user.Disabled || hash != p.hash:
		return User{}, errBadCredentials()
	}
	return user, nil
}

func errBadCredentials() *errs.Error {
	return errs.New(errs.Unauthenticated, "bad_credentials", "the e-mail address or the password is wrong")
}
