package paper

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/lunobot/lunobot/exchange"
)

// Costs say what trading costs beside the fees, and what it cannot have. The
// zero value costs nothing. They concern what takes from the book: market
// orders, protective exits, and limit orders whose price the market has reached
// as they arrive, which trade no worse than at their price. A limit order that
// rests trades at its price, which is its owner's risk to miss.
type Costs struct {
	// Impact makes a price worse by this rate times the square of the order's
	// share of the candle's volume: at the whole volume by all of it. It is the
	// quadratic form of the volume-share model that the zipline backtester made
	// known. Defaults to none.
	Impact exchange.Rate `json:"impact,omitempty"`
	// Latency is how long an order takes to the venue: it meets no candle that
	// opens earlier than that after it was given. What is taken back is gone at once,
	// and a protective exit acts in the candle that reaches it. Defaults to none.
	Latency time.Duration `json:"latency,omitempty"`
	// MaxShare bounds what trades in a candle to a share of its volume, rounded down
	// to whole steps. Defaults to 0, no bound.
	MaxShare exchange.Rate `json:"max_share"`
	// Range makes a price worse by a share of the candle's range from low to
	// high: more in wild markets than in calm ones. Defaults to none.
	Range exchange.Rate `json:"range,omitempty"`
	// Slippage makes a price worse by a fixed share of it. Defaults to none.
	Slippage exchange.Rate `json:"slippage"`
	// Spread is the distance of bid and ask as a share of the price; half of it
	// is paid, as the recorded price is taken for the middle. Defaults to none.
	Spread exchange.Rate `json:"spread,omitempty"`
}

// Tier is the fees from a traded volume on.
type Tier struct {
	// Volume is the least value traded in the last 30 days, in units of the
	// counter currency; for venues that share it, in those of the first.
	Volume exchange.Units `json:"volume"`
	Fees   exchange.Fees  `json:"fees"`
}

// validate names everything that makes no sense.
func (c Costs) validate() error {
	var problems []error
	for name, r := range map[string]exchange.Rate{
		"slippage": c.Slippage, "share": c.MaxShare, "spread": c.Spread, "range": c.Range, "impact": c.Impact,
	} {
		if r < 0 || r > exchange.RateOne {
			problems = append(problems, fmt.Errorf("paper: the %s %s must be between 0 and 1", name, r.Decimal()))
		}
	}
	if c.Latency < 0 {
		problems = append(problems, errors.New("paper: the latency is below 0"))
	}
	return errors.Join(problems...)
}

// worse returns the price of an order that takes a volume from the book, moved
// against its side by all that it costs. The candle may be nil where it is not known
// yet, which leaves out what depends on it.
func (v *Venue) worse(side exchange.Side, price exchange.Ticks, volume exchange.Steps, c *exchange.Candle) exchange.Ticks {
	costs := &v.cfg.Costs
	rate := costs.Slippage + (costs.Spread+1)/2
	slip := exchange.Ticks(0)
	if c != nil {
		rate += v.impact(volume, c.Volume)
		slip = exchange.Ticks(costs.Range.Of(exchange.Units(c.High - c.Low)))
	}
	slip += exchange.Ticks(rate.Of(exchange.Units(price)))
	if side == exchange.Buy {
		return price + slip
	}
	return max(1, price-slip)
}

// Top returns the book that the spread stands for at a price, half of it on
// either side, which is what an order that takes pays of it, rounded up to the tick.
// Its volumes are not known. Without a spread, or at a price that half of it
// takes up, there is no book.
func (v *Venue) Top(price exchange.Ticks, now int64) exchange.Top {
	half := exchange.Ticks(((v.cfg.Spread + 1) / 2).Of(exchange.Units(price)))
	if half == 0 || price <= half {
		return exchange.Top{}
	}
	return exchange.Top{Bid: exchange.Level{Price: price - half}, Ask: exchange.Level{Price: price + half}, Time: now}
}

// impact returns by how much an order of a volume moves the market.
func (v *Venue) impact(volume, traded exchange.Steps) exchange.Rate {
	if v.cfg.Impact == 0 || volume <= 0 {
		return 0
	}
	share := int64(exchange.RateOne)
	if volume < traded {
		share, _ = exchange.MulDiv(int64(volume), int64(exchange.RateOne), int64(traded)) // below RateOne
	}
	once, _ := exchange.MulDiv(int64(v.cfg.Impact), share, int64(exchange.RateOne))
	twice, _ := exchange.MulDiv(once, share, int64(exchange.RateOne))
	return exchange.Rate(twice)
}

// feeDays is over how many days a tier's volume counts.
const feeDays = 30

// FeeDays are what was traded on each of the last days, for the tiers.
type FeeDays struct {
	// Day counts the days since the epoch, UTC; it is that of the last of the
	// values.
	Day int64 `json:"day"`
	// Traded is a ring: a day's value is at Day mod its length.
	Traded [feeDays + 1]exchange.Units `json:"traded"`
}

// tally books a value that was traded.
func (d *FeeDays) tally(now int64, value exchange.Units) {
	d.turn(now)
	d.Traded[d.Day%int64(len(d.Traded))] += value
}

// turn goes on to the day of a time; days without a trade are 0.
func (d *FeeDays) turn(now int64) {
	day := now / (24 * time.Hour).Milliseconds()
	for passed := 0; d.Day < day && passed < len(d.Traded); passed++ {
		d.Day++
		d.Traded[d.Day%int64(len(d.Traded))] = 0
	}
	d.Day = max(d.Day, day)
}

// fees returns the rates at a time: those of the highest tier whose volume was
// traded in the 30 days before the present one, which does not count, as
// exchanges compute them at midnight.
func (v *Venue) fees(now int64) exchange.Fees {
	fees := v.cfg.Fees
	if len(v.cfg.Tiers) == 0 {
		return fees
	}
	traded, unit := int64(v.state.FeeDays.before(now)), int64(1)
	if v.shared != nil {
		traded, unit = v.shared.before(now), v.shared.per[0]
	}
	for _, tier := range v.cfg.Tiers {
		if traded >= capped(tier.Volume, unit) {
			fees = tier.Fees
		}
	}
	return fees
}

// before returns what was traded in the days before that of a time.
func (d *FeeDays) before(now int64) (traded exchange.Units) {
	d.turn(now)
	for i, value := range d.Traded {
		if int64(i) != d.Day%int64(len(d.Traded)) {
			traded += value
		}
	}
	return traded
}

// volume is what several venues of one account trade together. What each has
// traded it keeps itself.
type volume struct {
	venues []*Venue
	// per are how many shared units make a unit of each.
	per []int64
}

// ShareVolume lets the tiers of the venues of one account count what is traded in
// all of them, as exchanges count an account's volume. Their markets have one
// counter currency, in which it is counted; their tiers are to be the same, and are
// in units of the first market.
func ShareVolume(venues ...*Venue) error {
	markets := make([]exchange.Market, len(venues))
	for i, v := range venues {
		markets[i] = v.cfg.Market
	}
	_, per, err := exchange.SharedUnit(markets...)
	if err != nil {
		return fmt.Errorf("paper: one volume for several markets: %w", err)
	}
	for _, v := range venues {
		v.shared = &volume{venues: venues, per: per}
	}
	return nil
}

// before is FeeDays.before for all venues, in shared units.
func (s *volume) before(now int64) (traded int64) {
	for i, v := range s.venues {
		part := capped(v.state.FeeDays.before(now), s.per[i])
		traded += min(part, math.MaxInt64-traded)
	}
	return traded
}

// capped returns units in others of which each is made of so many, and the most
// that there is where they do not fit: so large a volume reaches every tier.
func capped(units exchange.Units, per int64) int64 {
	n, err := exchange.MulDiv(int64(units), per, 1)
	if err != nil {
		return math.MaxInt64
	}
	return n
}
