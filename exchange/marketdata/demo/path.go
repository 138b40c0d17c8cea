package demo

import "github.com/lunobot/lunobot/exchange"

// PathLength is how many ticks the price makes inside a traded candle: open,
// one extreme, a step between, the other extreme, another step, close.
const PathLength = 6

// slot is the part of the minute that each tick of a path falls in, and jitter
// the part of the slot that it may fall in, in milliseconds.
const (
	slot   = minute / PathLength
	jitter = 8_000
)

// Path returns the ticks inside the candle of an index, in order, and how many
// there are: PathLength, or none for a minute without a trade. Folded together
// they give exactly that candle.
func (r *Replay) Path(pair string, index int64) (ticks [PathLength]exchange.Tick, n int) {
	p := r.find(pair)
	if p == nil {
		return ticks, 0
	}
	return p.path(index)
}

func (p *pair) path(index int64) (ticks [PathLength]exchange.Tick, n int) {
	c := p.candle(index)
	if c.Volume == 0 {
		return ticks, 0
	}
	chance := mix(p.seed ^ mix(uint64(index))) // any bits will do
	// A price that rises over the minute goes down first three times of four.
	first, second := c.High, c.Low
	if (c.Close >= c.Open) != (chance&3 == 0) {
		first, second = second, first
	}
	prices := [PathLength]exchange.Ticks{
		c.Open, first, between(first, second, chance>>8), second, between(second, c.Close, chance>>16), c.Close,
	}
	share := c.Volume / PathLength
	for i, price := range prices {
		chance = mix(chance)
		ticks[i] = exchange.Tick{
			Time: c.Time + int64(i)*slot + int64(chance%jitter), Price: price, Volume: share, Sequence: (index+maxIndex)*PathLength + int64(i) + 1,
		}
	}
	ticks[PathLength-1].Volume += c.Volume % PathLength
	return ticks, PathLength
}

// between returns a price from a to b that the low eight bits of chance pick.
func between(a, b exchange.Ticks, chance uint64) exchange.Ticks {
	return a + (b-a)*exchange.Ticks(chance&255)/255
}

// mix scrambles a number into one that looks random: the finaliser of
// SplitMix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
