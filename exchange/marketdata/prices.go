package marketdata

import (
	"time"

	"github.com/lunobot/lunobot/exchange"
)

// prices are those of a pair between two candles that can be believed. The channel's lock
// guards them.
type prices struct {
	sieve sieve
	// low and high are the lowest and the highest of the forming minute; 0 without one.
	low, high exchange.Ticks
	// pending looks at the book once it is time to, if no event comes before.
	pending *time.Timer
}

// traded takes a trade; the lock is held.
func (c *channel) traded(t exchange.Tick) {
	p := &c.prices
	if p.sieve.base == 0 && c.state.Closed.Time > 0 {
		p.sieve.believe(c.state.Closed.Close, c.state.Closed.Time+feedMillis)
	}
	if price, ok := p.sieve.trade(t); ok {
		c.print(price, t.Time)
	}
	if p.sieve.off == 0 {
		return
	}
	if p.pending == nil {
		p.pending = time.AfterFunc(settles, c.asked)
		return
	}
	p.pending.Reset(settles)
}

// asked looks at the book as it stands, a second after a trade that is not believed yet.
func (c *channel) asked() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.confirm(c.state.Last.Time + settles.Milliseconds())
}

// confirm lets the book say at a time whether such a trade can be believed; the lock is held.
func (c *channel) confirm(now int64) {
	if price, ok := c.prices.sieve.book(c.state.Top, now); ok {
		c.print(price, now)
	}
}

// print tells a price; the lock is held.
func (c *channel) print(price exchange.Ticks, at int64) {
	p := &c.prices
	if p.low == 0 {
		p.low, p.high = price, price
	}
	p.low, p.high = min(p.low, price), max(p.high, price)
	for _, s := range c.subscribers {
		s.print(price, at)
	}
}

// believed is the range of the prices of a candle in which was traded that can be believed, if
// the stream told all of its trades and some cannot; 0 otherwise. See closes for quiet ones.
func (c *channel) believed(k *exchange.Candle, trades []exchange.Trade) (low, high exchange.Ticks) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := &c.prices
	if low, high = p.low, p.high; low == 0 {
		low, high = p.sieve.base, p.sieve.base
	}
	if k.Volume == 0 || low == 0 || low <= k.Low && high >= k.High {
		return 0, 0
	}
	var told exchange.Steps
	for i := range trades {
		told += trades[i].Volume
	}
	if told != k.Volume {
		return 0, 0
	}
	return low, high
}

// closes forgets what a candle tells whole, and believes the close of one of the history. It
// returns the price to believe of a candle without a trade, if that is another; 0 otherwise.
// The lock is held.
func (c *channel) closes(k *exchange.Candle, live bool) (quiet exchange.Ticks) {
	c.prices.low, c.prices.high = 0, 0
	if quiet = c.prices.sieve.quiet(k, c.state.Top); quiet == 0 && !live {
		c.prices.sieve.believe(k.Close, k.Time+feedMillis)
	}
	for _, s := range c.subscribers {
		if s.prints.To < k.Time+feedMillis {
			s.prints = Prints{}
		}
	}
	return quiet
}

// still ends the timer of a channel that ends.
func (c *channel) still() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.prices.pending != nil {
		c.prices.pending.Stop()
	}
}
