package tenancy

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/lunobot/lunobot/saas/event"
)

// Transactor makes the work of several stores one; *db.DB is one. fn's ctx
// carries the transaction.
type Transactor interface {
	// Tx runs fn in a transaction of one tenant.
	Tx(ctx context.Context, tenantID string, fn func(ctx context.Context) error) error
	// SystemTx runs fn in a transaction that spans tenants.
	SystemTx(ctx context.Context, purpose string, fn func(ctx context.Context) error) error
}

// Config says what a Service works with.
type Config struct {
	// Enrol is called for each new tenant in the transaction that creates it;
	// an error undoes the registration. It is where the tenant gets its plan.
	// Required.
	Enrol func(ctx context.Context, t Tenant) error
	// Events gets the events of this package. Required.
	Events event.Recorder
	// Logger gets what operators should know. Defaults to none.
	Logger *slog.Logger
	// Now is the clock. Required.
	Now func() time.Time
	// Passwords says how passwords are hashed; its Rand defaults to this one's.
	Passwords PasswordConfig
	// Rand is the source of ids, tokens and salts. Defaults to
	// crypto/rand.Reader; another one must be safe for concurrent use.
	Rand io.Reader
	// Store keeps everything. Required.
	Store Store
	// Throttle slows down the guessing of passwords.
	Throttle ThrottleConfig
	// Tokens says how tokens are made.
	Tokens TokenConfig
	// Tx is the database of Store and Events. Required.
	Tx Transactor
}

func (c Config) withDefaults() Config {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	if c.Passwords.Rand == nil {
		c.Passwords.Rand = c.Rand
	}
	c.Throttle = c.Throttle.withDefaults()
	c.Tokens = c.Tokens.withDefaults()
	return c
}

func (c Config) validate() error {
	var problems []error
	for _, f := range []struct {
		name    string
		missing bool
	}{
		{"Enrol", c.Enrol == nil}, {"Events", c.Events == nil}, {"Now", c.Now == nil},
		{"Store", c.Store == nil}, {"Tx", c.Tx == nil},
	} {
		if f.missing {
			problems = append(problems, fmt.Errorf("tenancy: Config.%s is required", f.name))
		}
	}
	return errors.Join(append(problems, c.Throttle.validate(), c.Tokens.validate())...)
}

// Service is what people do with accounts and sessions. It is safe for
// concurrent use.
type Service struct {
	cfg       Config
	passwords *Passwords
	issuer    *issuer
}

// New checks cfg, naming all that is wrong with it, and builds a Service.
func New(cfg Config) (*Service, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	p, err := NewPasswords(cfg.Passwords)
	if err != nil {
		return nil, err
	}
	return &Service{cfg: cfg, passwords: p, issuer: newIssuer(cfg.Tokens, cfg.Now)}, nil
}

// Prune deletes sessions that ended more than 30 days ago and counters of login
// attempts that no longer matter. It is for a periodic job and may run on many
// nodes at once.
func (s *Service) Prune(ctx context.Context) error {
	now := s.cfg.Now()
	if _, err := s.cfg.Store.PruneSessions(ctx, now.Add(-30*24*time.Hour)); err != nil {
		return err
	}
	_, err := s.cfg.Store.PruneAttempts(ctx, now.Add(-s.cfg.Throttle.longestForget()))
	return err
}

// newID returns a UUIDv7.
func (s *Service) newID() (string, error) {
	id, err := uuid.NewV7FromReader(s.cfg.Rand)
	if err != nil {
		return "", fmt.Errorf("making an id: %w", err)
	}
	return id.String(), nil
}

// secretBytes is the size of every random secret: 256 bits.
const secretBytes = 32

func (s *Service) newSecret() ([]byte, error) {
	b := make([]byte, secretBytes)
	if _, err := io.ReadFull(s.cfg.Rand, b); err != nil {
		return nil, fmt.Errorf("making a secret: %w", err)
	}
	return b, nil
}

func hashSecret(secret []byte) []byte {
	h := sha256.Sum256(secret)
	return h[:]
}

func encodeToken(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func decodeToken(s string) ([]byte, error) { return base64.RawURLEncoding.Strict().DecodeString(s) }
