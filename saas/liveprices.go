package saas

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/lunobot/lunobot/exchange"
)

const (
	// priceAge is for how long pages show a price before it is asked for anew, and
	// priceKept for how long while that fails.
	priceAge  = 5 * time.Second
	priceKept = time.Minute
	// pricePatience is how long a page waits for prices, from when they are asked for.
	pricePatience = time.Second
)

// lastPrices are the last prices of all pairs, which pages have asked for.
type lastPrices struct {
	mu sync.Mutex
	// known are those of the last answer, which came at toldAt, and askedAt is when the
	// last question was over, well or not.
	known           map[string]exchange.Ticks
	toldAt, askedAt time.Time
	// under is the question that is under way; nil if none.
	under *priceQuestion
	// ended is true once nobody may ask any more; work is whoever asks.
	ended bool
	work  sync.WaitGroup
}

// priceQuestion is a question for last prices: done is closed when it is over, and soon
// ends when pages wait for it no longer.
type priceQuestion struct {
	done   chan struct{}
	soon   context.Context
	cancel context.CancelFunc
}

func (m *liveMarket) prices() func(ctx context.Context, pairs []string) map[string]exchange.Ticks {
	if m.cfg.Tickers == nil {
		return nil
	}
	return m.tickers
}

// tickers returns the last prices of all pairs, asked for with one call from time to
// time, however many pages want them; what is not known soon is left out.
func (m *liveMarket) tickers(ctx context.Context, _ []string) map[string]exchange.Ticks {
	p := &m.last
	p.mu.Lock()
	if p.under == nil && !p.ended && m.cfg.Now().Sub(p.askedAt) >= priceAge {
		m.askPrices(context.WithoutCancel(ctx))
	}
	under := p.under
	p.mu.Unlock()
	if under != nil {
		select {
		case <-under.done:
		case <-under.soon.Done():
		case <-ctx.Done():
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if m.cfg.Now().Sub(p.toldAt) >= priceKept {
		return map[string]exchange.Ticks{}
	}
	return maps.Clone(p.known)
}

// askPrices begins to ask for prices; the caller holds the lock of last.
func (m *liveMarket) askPrices(ctx context.Context) {
	p := &m.last
	ctx, cancel := context.WithTimeout(ctx, pagePatience)
	soon, late := context.WithTimeout(ctx, pricePatience)
	p.under = &priceQuestion{done: make(chan struct{}), soon: soon, cancel: cancel}
	p.work.Go(func() {
		defer cancel()
		defer late()
		m.mu.Lock()
		var pairs []string
		for _, x := range m.list {
			pairs = append(pairs, x.Pair)
		}
		m.mu.Unlock()
		told, err := m.cfg.Tickers(ctx, pairs...)
		p.mu.Lock()
		defer p.mu.Unlock()
		if err != nil && !p.ended {
			m.log.WarnContext(ctx, "the last prices cannot be had", "market", m.cfg.Title, "error", err)
		}
		p.askedAt = m.cfg.Now()
		if err == nil {
			p.known, p.toldAt = make(map[string]exchange.Ticks, len(told)), p.askedAt
			for _, t := range told {
				p.known[t.Pair] = t.Last
			}
		}
		close(p.under.done)
		p.under = nil
	})
}

// end lets nobody ask for prices any more, and waits for who does.
func (p *lastPrices) end() {
	p.mu.Lock()
	p.ended = true
	if p.under != nil {
		p.under.cancel()
	}
	p.mu.Unlock()
	p.work.Wait()
}
