package parity

import (
	"math"
	"math/bits"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
)

// Sums are running sums of what a bot took in and gave out since its baseline:
// two that are equal are of the same things in the same order, but for a chance
// of one in 2^64. They protect against mistakes, not against forgery.
type Sums struct {
	// Candles counts the candles.
	Candles int64 `json:"candles"`
	// Points counts the points, over all tapes of a run; 0 of tapes of before they were
	// counted.
	Points int64 `json:"points,omitempty"`
	// At is when the newest candle opened, in epoch milliseconds; 0 if there was none.
	At int64 `json:"at,omitempty"`
	// Seen is of the candles, Did of the acts, Said of notes, plots and the
	// reasons of orders.
	Seen uint64 `json:"seen"`
	Did  uint64 `json:"did"`
	Said uint64 `json:"said"`
	// Heard is of what the strategy was told beside the candles: trades, book and
	// candles of other pairs.
	Heard uint64 `json:"heard,omitempty"`
}

// add puts a number under a sum: a round of the permutation of SplitMix64
// (Steele, Lea and Flood, "Fast splittable pseudorandom number generators",
// 2014), so that order counts.
func add(sum, word uint64) uint64 {
	z := bits.RotateLeft64(sum, 23) ^ word
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// addText puts a text and its length under a sum.
func addText(sum uint64, text string) uint64 {
	sum = add(sum, uint64(len(text)))
	for len(text) > 0 {
		var word uint64
		n := min(8, len(text))
		for i := range n {
			word |= uint64(text[i]) << (8 * i)
		}
		sum, text = add(sum, word), text[n:]
	}
	return sum
}

func (s *Sums) see(c *exchange.Candle) {
	s.Candles++
	s.Seen = seen(s.Seen, c)
}

func seen(sum uint64, c *exchange.Candle) uint64 {
	for _, v := range [...]int64{c.Time, int64(c.Open), int64(c.High), int64(c.Low), int64(c.Close), int64(c.Volume)} {
		sum = add(sum, uint64(v))
	}
	return sum
}

// seenOf is seen for a candle of a further pair.
func seenOf(sum uint64, pair string, c *exchange.Candle) uint64 { return seen(addText(sum, pair), c) }

func (s *Sums) do(a *Act) {
	s.Did = addText(addText(add(s.Did, uint64(a.At)), string(a.Kind)), a.Text)
	if a.Given != nil {
		s.Did = addText(s.Did, a.Given.text())
	}
}

func (s *Sums) say(c *strategy.Command) {
	s.Said = addText(addText(add(s.Said, uint64(c.Kind)), c.Text), c.Name)
	if c.Kind == strategy.PlotCommand {
		s.Said = add(s.Said, math.Float64bits(c.Number))
	}
}
