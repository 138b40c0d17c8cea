package lunosim

import (
	"sync"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/paper"
)

// market is what the simulator keeps of a market beside the venue's book.
type market struct {
	exchange.Market
	around exchange.Ticks

	mu sync.Mutex
	// suspended is set where the venue's post-only stands for a suspension.
	suspended bool
	// candles are one a minute without a gap.
	candles []exchange.Candle
	// trades counts the trades.
	trades int64
}

func newMarket(m Market) *market {
	kept := &market{Market: m.Market, around: m.Around}
	for _, c := range m.History {
		kept.fill(c.Time)
		kept.candles = append(kept.candles, c)
	}
	return kept
}

// hear books the trades of the market. It is called under the venue's lock.
func (m *market) hear(u paper.BookUpdate) {
	if len(u.Trades) == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, t := range u.Trades {
		m.trades++
		m.trade(t.Trade)
	}
}

func (m *market) trade(t exchange.Trade) {
	opens := t.Time - t.Time%minute
	one := exchange.Candle{Time: opens, Open: t.Price, High: t.Price, Low: t.Price, Close: t.Price, Volume: t.Volume}
	if n := len(m.candles); n > 0 && m.candles[n-1].Time >= opens {
		last := &m.candles[n-1] // also of a clock that was set back
		if last.Volume == 0 {   // it was asked for before its first trade
			one.Time = last.Time
			*last = one
			return
		}
		last.High, last.Low, last.Close = max(last.High, t.Price), min(last.Low, t.Price), t.Price
		last.Volume += t.Volume
		return
	}
	m.fill(opens)
	m.candles = append(m.candles, one)
}

// fill adds flat candles up to a time.
func (m *market) fill(to int64) {
	if len(m.candles) == 0 {
		return
	}
	last := m.candles[len(m.candles)-1]
	for at := last.Time + minute; at < to; at += minute {
		m.candles = append(m.candles, exchange.Flat(at, last.Close))
	}
}

// between returns candles of a length in milliseconds that open at since or later
// and not after now, the earliest first, at most limit. The last may be forming.
func (m *market) between(length, since, now int64, limit int) []exchange.Candle {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.candles) == 0 || since > now {
		return nil
	}
	m.fill(now + 1)
	begin := m.candles[0].Time
	at := max(since+length-1, begin)
	at -= at % length
	var out []exchange.Candle
	for ; at <= now && len(out) < limit; at += length {
		first, last := max(0, (at-begin)/minute), min(int64(len(m.candles)), (at+length-begin)/minute)
		if first >= last {
			continue
		}
		c := m.candles[first]
		for _, next := range m.candles[first+1 : last] {
			c = exchange.Merge(c, next)
		}
		c.Time = at
		out = append(out, c)
	}
	return out
}
