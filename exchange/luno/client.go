package luno

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/lunobot/lunobot/exchange"
)

const (
	// Address is where Luno's API is.
	Address = "https://api.luno.com"
	// defaultTries is how often a call is made at the most.
	defaultTries = 6
	// readTimeout is how long one try of a question may take, and sendTimeout how
	// long the answer to an order is waited for.
	readTimeout = 30 * time.Second
	sendTimeout = 15 * time.Second
	// defaultTTL and longestTTL are how long an order may be under way.
	defaultTTL = 5 * time.Second
	longestTTL = 10 * time.Second
)

// Config says how Luno is reached.
type Config struct {
	// Accounts says which of the owner's accounts is used for a currency, by its
	// id. Defaults to Luno's default account of the currency; balances are then
	// those of all accounts.
	Accounts map[string]string
	// BaseURL is the address. Defaults to Address.
	BaseURL string
	// Budget is how many calls may be made. All clients of an account must have the
	// same. Defaults to one of its own with Luno's limit.
	Budget exchange.Budget
	// KeyID and Secret are an API key, without which there are only markets and
	// quotes. Defaults to none.
	KeyID  string
	Secret Secret
	// Log hears of tries that failed. Defaults to nobody.
	Log *slog.Logger
	// Markets are those in whose ticks and steps orders are counted. A client
	// refuses a market whose tick or step is another one at Luno. Defaults to what
	// Luno says first.
	Markets []exchange.Market
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
	// Sleep waits between two tries; its error ends the call. Defaults to a
	// timer.
	Sleep func(ctx context.Context, d time.Duration) error
	// Transport carries requests that the allow-list let pass. Defaults to one
	// of its own.
	Transport http.RoundTripper
	// Tries is how often a question is asked that fails in a way that may pass.
	// Defaults to 6. Orders and cancels are sent once.
	Tries int
	// TTL is how long an order may be under way that does not say so itself, 10 s
	// at most. Defaults to 5 s.
	TTL time.Duration
}

// Client calls Luno, as one bot. It is safe for concurrent use; it shares all but
// the bot's place in the queue with the clients that it makes.
type Client struct {
	*core
	bot string
	// spare is true of a client by which nobody trades.
	spare bool
}

// core is what the clients of an account share.
type core struct {
	// cfg is without the secret, which sign and hide alone have.
	cfg   Config
	sign  func(*http.Request)
	hide  func([]byte) []byte
	base  *url.URL
	http  *http.Client
	probe *http.Client
	queue *queue
	clock clock

	mu sync.Mutex
	// markets are as Luno told last, counted are those in whose ticks and steps
	// orders come, and changed those where the two have differed.
	markets map[string]exchange.Market
	counted map[string]exchange.Market
	changed map[string]bool
}

var (
	_ exchange.Account    = (*Client)(nil)
	_ exchange.KeyChecker = (*Client)(nil)
	_ exchange.Ledger     = (*Client)(nil)
	_ exchange.MarketData = (*Client)(nil)
	_ exchange.Quotes     = (*Client)(nil)
	_ exchange.Trader     = (*Client)(nil)
)

// New returns a client; the error names all that is wrong with cfg. It sends
// nothing.
func New(cfg Config) (*Client, error) {
	base, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	if cfg.Budget == nil {
		if cfg.Budget, err = NewBudget(BudgetConfig{}); err != nil {
			return nil, err
		}
	}
	through := func(may func(method, path string) bool) *http.Client {
		return &http.Client{
			Transport:     &guard{base: base, next: cfg.Transport, may: may},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	c := &core{
		cfg: cfg, base: base, http: through(allowed), probe: through(asked), queue: newQueue(cfg.Budget),
		counted: make(map[string]exchange.Market), changed: make(map[string]bool),
	}
	c.sign, c.hide = signer(cfg.KeyID, cfg.Secret)
	c.cfg.Secret = ""
	for _, m := range cfg.Markets {
		c.counted[m.Pair] = m
	}
	return &Client{core: c}, nil
}

// withDefaults fills the fields that are not set, and reports all that is wrong
// with the others.
func (c *Config) withDefaults() (*url.URL, error) {
	if c.BaseURL == "" {
		c.BaseURL = Address
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
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
	if c.TTL == 0 {
		c.TTL = defaultTTL
	}
	base, err := CheckAddress(c.BaseURL, Address, c.KeyID != "")
	problems := []error{err}
	if (c.KeyID == "") != (c.Secret == "") {
		problems = append(problems, errors.New("luno: a key has an id and a secret"))
	}
	if c.Tries < 1 {
		problems = append(problems, errors.New("luno: Tries must be above 0"))
	}
	if c.TTL < time.Millisecond || c.TTL > longestTTL {
		problems = append(problems, fmt.Errorf("luno: TTL must be between 1 ms and %s", longestTTL))
	}
	for _, currency := range slices.Sorted(maps.Keys(c.Accounts)) {
		if !isAccountID(c.Accounts[currency]) {
			problems = append(problems, fmt.Errorf("luno: %q is no id of an account in %s", c.Accounts[currency], currency))
		}
	}
	return base, errors.Join(problems...)
}

// For implements exchange.Account.
func (c *Client) For(bot string) exchange.Trader { return c.Queue(bot) }

// Queue returns the client with a queue of its own for its calls: those of one name
// wait behind one another, and the names take turns (rule T10).
func (c *Client) Queue(name string) *Client { return &Client{core: c.core, bot: name} }

// Spare is like Queue, for what nobody trades by: its questions wait behind all others,
// and leave calls to them.
func (c *Client) Spare(name string) *Client { return &Client{core: c.core, bot: name, spare: true} }

// Share counts the calls from now on against another budget, of which other processes
// take as well.
func (c *Client) Share(b exchange.Budget) { c.queue.share(b) }

// Drift returns how far Luno's clock is ahead of this machine's, by the answers
// so far.
func (c *Client) Drift() Drift { return c.clock.read(c.cfg.Now()) }

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
