package grid

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
)

// lay makes the ladder at the price of the start, and returns what of the cash its
// stock may take; where no ladder is possible it keeps the reason.
func (s *ladder) lay(b *strategy.Bot) exchange.Units {
	lines, err := s.lines(b.Market())
	if err == nil {
		err = s.divide(b, lines)
	}
	if err != nil {
		s.Problem, s.Lines, s.Cells = err.Error(), nil, nil
		return 0
	}
	s.Problem = ""
	if s.Params.Stop.IsPositive() {
		s.Stop = exchange.Ticks(hundredths(s.Lines[0], decimal.NewFromInt(100).Sub(s.Params.Stop)))
	}
	return s.fillUp(b)
}

// lines returns the prices of the ladder, upwards.
func (s *ladder) lines(m exchange.Market) ([]exchange.Ticks, error) {
	low, high, err := s.ends(m)
	if err != nil {
		return nil, err
	}
	lines := make([]exchange.Ticks, s.Params.Lines)
	last := int64(len(lines) - 1)
	for i := range lines {
		if s.Params.Spacing == "arithmetic" {
			above, err := exchange.MulDiv(int64(high-low), int64(i), last)
			if err != nil {
				return nil, err
			}
			lines[i] = low + exchange.Ticks(above)
		} else {
			lines[i] = exchange.Ticks(math.Round(low.Float() * math.Pow(high.Float()/low.Float(), float64(i)/float64(last))))
		}
	}
	lines[0], lines[last] = low, high
	if low < 1 || high <= low || len(slices.Compact(slices.Clone(lines))) < len(lines) {
		return nil, fmt.Errorf("%d lines between %s and %s are less than a tick apart", len(lines), m.Price(low), m.Price(high))
	}
	return lines, nil
}

// ends returns the lowest and the highest line.
func (s *ladder) ends(m exchange.Market) (low, high exchange.Ticks, err error) {
	if s.Params.High.IsPositive() {
		if low, err = m.Ticks(s.Params.Low, exchange.Nearest); err != nil {
			return 0, 0, err
		}
		high, err = m.Ticks(s.Params.High, exchange.Nearest)
		return low, high, err
	}
	hundred := decimal.NewFromInt(100)
	return exchange.Ticks(hundredths(s.Price, hundred.Sub(s.Params.Reach))), exchange.Ticks(hundredths(s.Price, hundred.Add(s.Params.Reach))), nil
}

// hundredths returns so many percent of a price in ticks, rounded down; 0 if
// that is more than fits.
func hundredths(price exchange.Ticks, percent decimal.Decimal) int64 {
	n, err := exchange.MulDiv(int64(price), percent.Shift(6).IntPart(), int64(exchange.RateOne))
	if err != nil {
		return 0
	}
	return n
}

// divide shares the cash among the cells, equally, and refuses a ladder whose
// cells would be below the market's least order.
func (s *ladder) divide(b *strategy.Bot, lines []exchange.Ticks) error {
	share := (exchange.RateOne / 100 * exchange.Rate(s.Params.Size)).Of(b.FreeCounter()) / exchange.Units(len(lines)-1)
	cells := make([]Cell, len(lines)-1)
	for i := range cells {
		cells[i].Volume = exchange.Steps(int64(share) / int64(lines[i]))
		if err := errors.Join(
			check(b.Market(), exchange.Buy, lines[i], cells[i].Volume), check(b.Market(), exchange.Sell, lines[i+1], cells[i].Volume),
		); err != nil {
			return fmt.Errorf("cell %d would buy %s %s: %w", i+1, b.Market().Volume(cells[i].Volume), b.Market().Base, err)
		}
	}
	s.Lines, s.Cells = lines, cells
	return nil
}

// check reports why the market would refuse a limit order.
func check(m exchange.Market, side exchange.Side, price exchange.Ticks, volume exchange.Steps) error {
	return m.Check(exchange.OrderRequest{Pair: m.Pair, Side: side, Type: exchange.LimitOrder, Price: price, Volume: volume})
}

// fillUp gives the cells above the price what they are to sell: first what an
// earlier run left, then what a market order buys, for about the returned amount.
func (s *ladder) fillUp(b *strategy.Bot) exchange.Units {
	s.spread(b.FreeBase())
	if !s.Params.Stock {
		return 0
	}
	var wanted exchange.Steps
	for i := range s.Cells {
		if s.Lines[i] >= s.Price {
			wanted += max(0, s.Cells[i].Volume-s.Cells[i].Held)
		}
	}
	if most := b.Market().MaxVolume; most > 0 {
		wanted = min(wanted, most)
	}
	if wanted < max(1, b.Market().MinVolume) {
		return 0
	}
	order := b.Buy(wanted)
	s.Stock = order.Ref()
	order.Because("the cells above the price %s sell %s %s", b.Price(s.Price.Float()), b.Market().Volume(wanted), b.Market().Base)
	cost, err := s.Price.Times(wanted)
	if err != nil {
		return b.FreeCounter()
	}
	return cost + cost/100
}

// spread hands a volume to the cells above the price that do not buy it
// themselves, the nearest first; what is too much for all goes to the highest.
func (s *ladder) spread(volume exchange.Steps) {
	for i := range s.Cells {
		if c := &s.Cells[i]; s.Lines[i] >= s.Price && (c.Ref == 0 || c.Side == exchange.Sell) {
			part := min(volume, max(0, c.Volume-c.Held))
			c.Held += part
			volume -= part
		}
	}
	s.Cells[len(s.Cells)-1].Held += volume
}
