package tenancy

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync/atomic"

	"golang.org/x/crypto/argon2"

	"github.com/lunobot/lunobot/saas/errs"
)

// Bounds on the parameters of a stored hash: a damaged or planted row must not
// make a login eat the machine.
const (
	maxMemoryKiB   = 256 * 1024
	maxPasses      = 16
	maxParallelism = 16
	saltBytes      = 16
	keyBytes       = 32
)

// PasswordConfig says how passwords are hashed with argon2id.
type PasswordConfig struct {
	// Concurrency is how many hashes are computed at once; each takes MemoryKiB.
	// Defaults to GOMAXPROCS.
	Concurrency int
	// MemoryKiB is the memory of one hash. Defaults to 19456 (19 MiB).
	MemoryKiB uint32
	// Parallelism is the number of lanes of one hash. Defaults to 1.
	Parallelism uint8
	// Passes is the number of passes over the memory. Defaults to 2.
	Passes uint32
	// Queue is how many callers may wait for a free place; more are refused.
	// Defaults to 50 for each place. Negative means none.
	Queue int
	// Rand is the source of salts. Defaults to crypto/rand.Reader; another one
	// must be safe for concurrent use.
	Rand io.Reader
}

func (c PasswordConfig) withDefaults() PasswordConfig {
	if c.Concurrency == 0 {
		c.Concurrency = runtime.GOMAXPROCS(0)
	}
	if c.MemoryKiB == 0 {
		c.MemoryKiB = 19456
	}
	if c.Parallelism == 0 {
		c.Parallelism = 1
	}
	if c.Passes == 0 {
		c.Passes = 2
	}
	if c.Queue == 0 {
		c.Queue = 50 * c.Concurrency
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	return c
}

func (c PasswordConfig) validate() error {
	var problems []error
	if c.Concurrency < 1 {
		problems = append(problems, fmt.Errorf("tenancy: passwords: a concurrency of %d is below 1", c.Concurrency))
	}
	if err := c.cost().check(); err != nil {
		problems = append(problems, fmt.Errorf("tenancy: passwords: %w", err))
	}
	return errors.Join(problems...)
}

func (c PasswordConfig) cost() cost {
	return cost{memory: c.MemoryKiB, passes: c.Passes, lanes: c.Parallelism}
}

// Passwords hashes and verifies passwords with argon2id. No more hashes than
// its concurrency are computed at once, and no more callers than its queue wait
// for their turn; further ones are refused with an Unavailable error, code
// busy, whose Meta holds retry_after in seconds. It is safe for concurrent use.
type Passwords struct {
	cost    cost
	dummy   string
	places  chan struct{}
	queue   int64
	rand    io.Reader
	waiting atomic.Int64
}

// NewPasswords checks cfg and builds a hasher.
func NewPasswords(cfg PasswordConfig) (*Passwords, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	p := &Passwords{cost: cfg.cost(), places: make(chan struct{}, cfg.Concurrency), queue: int64(max(cfg.Queue, 0)), rand: cfg.Rand}
	var noise [saltBytes + keyBytes]byte
	if _, err := io.ReadFull(p.rand, noise[:]); err != nil {
		return nil, fmt.Errorf("tenancy: passwords: reading random bytes: %w", err)
	}
	p.dummy = phc{p.cost, noise[:saltBytes], noise[saltBytes:]}.String()
	return p, nil
}

// Hash returns the PHC string of a password with a fresh salt.
func (p *Passwords) Hash(ctx context.Context, password string) (string, error) {
	release, err := p.acquire(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	return p.hash(password)
}

// Verify reports whether password belongs to the PHC string stored, and whether
// stored was made with other parameters than today's. An empty stored string
// takes the time of a real one and never matches. A string that is not an
// argon2id hash within bounds is an Internal error.
func (p *Passwords) Verify(ctx context.Context, stored, password string) (ok, stale bool, err error) {
	release, err := p.acquire(ctx)
	if err != nil {
		return false, false, err
	}
	defer release()
	return p.verify(stored, password)
}

// acquire takes a place at the machine; the caller must release it.
func (p *Passwords) acquire(ctx context.Context) (release func(), err error) {
	release = func() { <-p.places }
	select {
	case p.places <- struct{}{}:
		return release, nil
	default:
	}
	if p.waiting.Add(1) > p.queue {
		p.waiting.Add(-1)
		return nil, errs.New(errs.Unavailable, "busy", "too many people are logging in; please try again in a moment").
			With("retry_after", 1)
	}
	defer p.waiting.Add(-1)
	select {
	case p.places <- struct{}{}:
		return release, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting to check a password: %w", ctx.Err())
	}
}

func (p *Passwords) hash(password string) (string, error) {
	salt := make([]byte, saltBytes)
	if _, err := io.ReadFull(p.rand, salt); err != nil {
		return "", fmt.Errorf("reading a salt: %w", err)
	}
	return phc{p.cost, salt, p.cost.key(password, salt, keyBytes)}.String(), nil
}

func (p *Passwords) verify(stored, password string) (ok, stale bool, err error) {
	known := stored != ""
	if !known {
		stored = p.dummy
	}
	h, err := parsePHC(stored)
	if err != nil {
		return false, false, fmt.Errorf("reading a stored password: %w", err)
	}
	same := subtle.ConstantTimeCompare(h.key, h.cost.key(password, h.salt, len(h.key))) == 1
	return same && known, h.cost != p.cost, nil
}

// cost is what one argon2id hash takes.
type cost struct {
	memory uint32 // KiB
	passes uint32
	lanes  uint8
}

func (c cost) check() error {
	switch {
	case c.memory > maxMemoryKiB || c.memory < 8*uint32(c.lanes):
		return fmt.Errorf("a memory of %d KiB is out of bounds", c.memory)
	case c.passes < 1 || c.passes > maxPasses:
		return fmt.Errorf("%d passes are out of bounds", c.passes)
	case c.lanes < 1 || c.lanes > maxParallelism:
		return fmt.Errorf("a parallelism of %d is out of bounds", c.lanes)
	}
	return nil
}

func (c cost) key(password string, salt []byte, size int) []byte {
	return argon2.IDKey([]byte(password), salt, c.passes, c.memory, c.lanes, uint32(size)) // size is at most 64
}

// phc is a hash in the form $argon2id$v=19$m=…,t=…,p=…$salt$key.
type phc struct {
	cost cost
	salt []byte
	key  []byte
}

// String implements fmt.Stringer.
func (h phc) String() string {
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s",
		argon2.Version, h.cost.memory, h.cost.passes, h.cost.lanes, b64(h.salt), b64(h.key))
}

// parsePHC reads what String wrote, and nothing else: the errors name the part,
// never its content.
func parsePHC(s string) (phc, error) {
	part := strings.Split(s, "$")
	if len(part) != 6 || part[0] != "" || part[1] != "argon2id" || part[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return phc{}, errors.New("not an argon2id hash")
	}
	var h phc
	if _, err := fmt.Sscanf(part[3], "m=%d,t=%d,p=%d", &h.cost.memory, &h.cost.passes, &h.cost.lanes); err != nil {
		return phc{}, errors.New("unreadable argon2id parameters")
	}
	if err := h.cost.check(); err != nil {
		return phc{}, err
	}
	var serr, kerr error
	h.salt, serr = base64.RawStdEncoding.Strict().DecodeString(part[4])
	h.key, kerr = base64.RawStdEncoding.Strict().DecodeString(part[5])
	if serr != nil || kerr != nil || len(h.salt) < 8 || len(h.salt) > 64 || len(h.key) < 16 || len(h.key) > 64 {
		return phc{}, errors.New("unreadable salt or key of an argon2id hash")
	}
	if h.String() != s {
		return phc{}, errors.New("not an argon2id hash in its canonical form")
	}
	return h, nil
}
