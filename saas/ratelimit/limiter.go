package ratelimit

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Rate says how much is let through of a key.
type Rate struct {
	// Burst is how many requests may come at once.
	Burst int
	// PerMinute is how many may come in a minute in the long run.
	PerMinute int
}

// Window is how long a burst that is used up takes to be free again.
func (r Rate) Window() time.Duration {
	return time.Duration(math.Ceil(float64(r.Burst) / float64(r.PerMinute) * float64(time.Minute)))
}

// Config says what a Limiter lets through.
type Config struct {
	// Keys is how many keys of a rate are remembered at least; twice as many are at
	// most. Defaults to 10,000.
	Keys int
	// Now is the clock. Required.
	Now func() time.Time
	// Rates are those that every request has to keep. Required.
	Rates []Rate
}

func (c Config) validate() error {
	var problems []error
	if c.Keys < 0 {
		problems = append(problems, errors.New("ratelimit: Config.Keys must not be negative"))
	}
	if c.Now == nil {
		problems = append(problems, errors.New("ratelimit: Config.Now is required"))
	}
	if len(c.Rates) == 0 {
		problems = append(problems, errors.New("ratelimit: Config.Rates is required"))
	}
	for i, r := range c.Rates {
		if r.Burst < 1 || r.PerMinute < 1 {
			problems = append(problems, fmt.Errorf("ratelimit: Config.Rates[%d] is %d at once and %d a minute, and neither may be below 1", i, r.Burst, r.PerMinute))
		}
	}
	return errors.Join(problems...)
}

// Limiter counts requests. It is safe for concurrent use.
type Limiter struct {
	now  func() time.Time
	keys int

	mu     sync.Mutex
	counts []counts
}

// counts are those of one rate, in two generations: when the younger one is full,
// the older one is forgotten.
type counts struct {
	Rate
	young, old map[string]*rate.Limiter
}

// New returns a limiter; the error names everything that is wrong with cfg.
func New(cfg Config) (*Limiter, error) {
	if cfg.Keys == 0 {
		cfg.Keys = 10_000
	}
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	l := &Limiter{now: cfg.Now, keys: cfg.Keys}
	for _, r := range cfg.Rates {
		l.counts = append(l.counts, counts{Rate: r, young: map[string]*rate.Limiter{}})
	}
	return l, nil
}

// Verdict is what becomes of a request.
type Verdict struct {
	// Wait is how long to wait before the next attempt; 0 if this one is admitted.
	Wait time.Duration
	// Left is how many more of each rate may come at once, and Full how long it
	// takes until its whole burst may.
	Left []int
	Full []time.Duration
}

// Admit counts a request under one key for each rate, in the order of the Config;
// there must be as many. A request that is refused is counted for none.
func (l *Limiter) Admit(keys ...string) Verdict {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	var v Verdict
	buckets := make([]*rate.Limiter, len(l.counts))
	for i := range l.counts {
		buckets[i] = l.counts[i].of(keys[i], l.keys)
		if missing := 1 - buckets[i].TokensAt(now); missing > 0 {
			v.Wait = max(v.Wait, span(missing, buckets[i].Limit()))
		}
	}
	for _, b := range buckets {
		if v.Wait == 0 {
			b.AllowN(now, 1)
		}
		tokens := b.TokensAt(now)
		v.Left = append(v.Left, max(0, int(tokens)))
		v.Full = append(v.Full, span(float64(b.Burst())-tokens, b.Limit()))
	}
	return v
}

// span is how long a bucket takes to gather so many tokens. Fractions of a
// nanosecond, which are no more than the bucket's own rounding, are none.
func span(tokens float64, limit rate.Limit) time.Duration {
	return time.Duration(max(0, tokens) / float64(limit) * float64(time.Second))
}

// of returns the bucket of a key.
func (c *counts) of(key string, most int) *rate.Limiter {
	if b, ok := c.young[key]; ok {
		return b
	}
	b, ok := c.old[key]
	if !ok {
		b = rate.NewLimiter(rate.Limit(float64(c.PerMinute)/60), c.Burst)
	}
	if len(c.young) >= most {
		c.old, c.young = c.young, make(map[string]*rate.Limiter, most)
	}
	c.young[key] = b
	return b
}

// Len is how many keys are remembered, of all rates.
func (l *Limiter) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, c := range l.counts {
		n += len(c.young) + len(c.old)
	}
	return n
}
