package luno

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/lunobot/lunobot/exchange"
)

const (
	// Address is where Luno's API is.
	Address = "https://api.luno.com"
	// defaultPace is the documented limit of 300 calls a minute.
	defaultPace = 200 * time.Millisecond
	// defaultTries is how often a call is made at the most.
	defaultTries = 6
	// callTimeout is how long one try may take.
	callTimeout = 30 * time.Second
)

// Config says how Luno is reached.
type Config struct {
	// BaseURL is the address. Defaults to Address.
	BaseURL string
	// KeyID and Secret are an API key, which candles need; any permission will
	// do. Defaults to none.
	KeyID  string
	Secret Secret
	// Log hears of tries that failed. Defaults to nobody.
	Log *slog.Logger
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
	// Pace is the time between two calls. Defaults to 200 ms.
	Pace time.Duration
	// Sleep waits between two tries; its error ends the call. Defaults to a
	// timer.
	Sleep func(ctx context.Context, d time.Duration) error
	// Transport carries requests that the allow-list let pass. Defaults to one
	// of its own.
	Transport http.RoundTripper
	// Tries is how often a call is made that fails in a way that may pass.
	// Defaults to 6.
	Tries int
}

// Secret is the secret half of a key. It writes itself as stars.
type Secret string

// String hides the secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "***"
}

// GoString hides the secret.
func (s Secret) GoString() string { return s.String() }

// LogValue hides the secret.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Client calls Luno. It is safe for concurrent use; all calls share one pace.
type Client struct {
	cfg   Config
	base  *url.URL
	http  *http.Client
	limit *rate.Limiter

	mu      sync.Mutex
	markets map[string]exchange.Market
}

var _ exchange.MarketData = (*Client)(nil)

// New returns a client; the error names all that is wrong with cfg. It sends
// nothing.
func New(cfg Config) (*Client, error) {
	cfg = cfg.withDefaults()
	base, err := url.Parse(strings.TrimSuffix(cfg.BaseURL, "/"))
	var problems []error
	switch {
	case err != nil || base.Host == "" || base.User != nil || base.RawQuery != "":
		problems = append(problems, fmt.Errorf("luno: BaseURL %q is not an address", cfg.BaseURL))
	case base.Scheme != "https" && !loopback(base.Hostname()):
		problems = append(problems, fmt.Errorf("luno: BaseURL %s must begin with https://", cfg.BaseURL))
	case cfg.KeyID != "" && base.String() != Address && !loopback(base.Hostname()):
		problems = append(problems, fmt.Errorf("luno: a key is sent to %s and to this machine only, not to %s", Address, base.Host))
	}
	if (cfg.KeyID == "") != (cfg.Secret == "") {
		problems = append(problems, errors.New("luno: a key has an id and a secret"))
	}
	if cfg.Pace < 0 || cfg.Tries < 1 {
		problems = append(problems, errors.New("luno: Pace must be at least 0 and Tries above 0"))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return &Client{
		cfg: cfg, base: base, limit: rate.NewLimiter(rate.Every(cfg.Pace), 1),
		http: &http.Client{
			Transport: &guard{base: base, next: cfg.Transport}, Timeout: callTimeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

func (c Config) withDefaults() Config {
	if c.BaseURL == "" {
		c.BaseURL = Address
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Pace == 0 {
		c.Pace = defaultPace
	}
	if c.Sleep == nil {
		c.Sleep = sleep
	}
	if c.Transport == nil {
		c.Transport = &http.Transport{
			Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: 10 * time.Second, IdleConnTimeout: time.Minute, MaxIdleConnsPerHost: 4,
			DialContext: (&net.Dialer{Timeout: 10 * time.Second}).DialContext, ForceAttemptHTTP2: true,
		}
	}
	if c.Tries == 0 {
		c.Tries = defaultTries
	}
	return c
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// loopback reports whether a host is this machine.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
