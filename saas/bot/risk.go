package bot

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/strategy/risk"
)

// PaperFees are the fees of paper accounts: 0.25 % a side, the rate of the
// example in Luno's documentation of its fee call. A live account's are its own.
func PaperFees() exchange.Fees { return exchange.Fees{Maker: 250_000, Taker: 250_000} }

// percentDecimals is how fine a percentage can be: exchange.Rate counts
// hundred-millionths. A finer bound would be cut, and a small one cut to none.
const percentDecimals = 6

const (
	// longest is the longest of the times that a tenant can set, in seconds.
	longest = 366 * 86_400
	// mostOrders and mostOrdersAMinute are the bounds of every bot, which a tenant can only
	// make narrower: they are the defaults of package risk.
	mostOrders        = 100
	mostOrdersAMinute = 300
)

// Risk are the tenant's own bounds for a bot; a zero field is no bound.
type Risk struct {
	// StopLossPercent closes the position that far below its entry price.
	StopLossPercent decimal.Decimal `json:"stop_loss_percent"`
	// TakeProfitPercent closes the position that far above its entry price.
	TakeProfitPercent decimal.Decimal `json:"take_profit_percent"`
	// TrailingStopPercent closes the position that far below the highest price since it was
	// entered.
	TrailingStopPercent decimal.Decimal `json:"trailing_stop_percent"`
	// MaxHoldSeconds closes the position after that long.
	MaxHoldSeconds int64 `json:"max_hold_seconds,omitempty"`
	// CoolDownSeconds is for how long nothing is bought after a protective exit that lost.
	CoolDownSeconds int64 `json:"cool_down_seconds,omitempty"`
	// MaxDailyLossPercent is the share of the equity at the beginning of the UTC day that
	// may be lost: then the position is closed and nothing is bought until the next one.
	MaxDailyLossPercent decimal.Decimal `json:"max_daily_loss_percent"`
	// MaxDrawdownPercent is the share of the highest equity that may be lost: then the
	// position is closed and nothing is bought until the bot is resumed.
	MaxDrawdownPercent decimal.Decimal `json:"max_drawdown_percent"`
	// MaxOrders is how many orders may be open, and MaxOrdersAMinute how many may be placed
	// in any minute. 0 is what package risk says.
	MaxOrders        int64 `json:"max_orders,omitempty"`
	MaxOrdersAMinute int64 `json:"max_orders_a_minute,omitempty"`
	// MaxPosition bounds the position, in the base currency.
	MaxPosition decimal.Decimal `json:"max_position"`
	// MaxPositions bound the positions of further pairs, by pair and each in its base
	// currency. A pair that is not there has no bound.
	MaxPositions map[string]decimal.Decimal `json:"max_positions,omitempty"`
}

// equal reports whether two bots have the same bounds.
func (r Risk) equal(o Risk) bool {
	return r.StopLossPercent.Equal(o.StopLossPercent) && r.TakeProfitPercent.Equal(o.TakeProfitPercent) && r.TrailingStopPercent.Equal(o.TrailingStopPercent) &&
		r.MaxHoldSeconds == o.MaxHoldSeconds && r.CoolDownSeconds == o.CoolDownSeconds && r.MaxDailyLossPercent.Equal(o.MaxDailyLossPercent) &&
		r.MaxDrawdownPercent.Equal(o.MaxDrawdownPercent) && r.MaxOrders == o.MaxOrders && r.MaxOrdersAMinute == o.MaxOrdersAMinute &&
		r.MaxPosition.Equal(o.MaxPosition) && maps.EqualFunc(r.MaxPositions, o.MaxPositions, decimal.Decimal.Equal)
}

// check notes faulty bounds; the market counts if it is known.
func (r Risk) check(f *errs.Fields, market exchange.Market, known bool) {
	percent := func(d decimal.Decimal, path string, most int64) {
		f.Check(!d.IsNegative() && d.LessThanOrEqual(decimal.NewFromInt(most)), path, "must be between 0 and "+decimal.NewFromInt(most).String())
		f.Check(d.Equal(d.Truncate(percentDecimals)), path, "must have at most "+strconv.Itoa(percentDecimals)+" decimals")
	}
	percent(r.StopLossPercent, "/risk/stop_loss_percent", 99)
	percent(r.TakeProfitPercent, "/risk/take_profit_percent", 10_000)
	percent(r.TrailingStopPercent, "/risk/trailing_stop_percent", 99)
	percent(r.MaxDailyLossPercent, "/risk/max_daily_loss_percent", 99)
	percent(r.MaxDrawdownPercent, "/risk/max_drawdown_percent", 99)
	span := func(seconds int64, path string) {
		f.Check(seconds >= 0 && seconds <= longest, path, fmt.Sprintf("must be a whole number of seconds from 0 to %d, which are %d days", longest, longest/86_400))
	}
	span(r.MaxHoldSeconds, "/risk/max_hold_seconds")
	span(r.CoolDownSeconds, "/risk/cool_down_seconds")
	count := func(n, most int64, path string) {
		f.Check(n >= 0 && n <= most, path, fmt.Sprintf("must be a whole number from 0 to %d; 0 is %d", most, most))
	}
	count(r.MaxOrders, mostOrders, "/risk/max_orders")
	count(r.MaxOrdersAMinute, mostOrdersAMinute, "/risk/max_orders_a_minute")
	checkPosition(f, "/risk/max_position", r.MaxPosition, market, known)
}

// checkPosition notes a faulty largest position; the market counts if it is known.
func checkPosition(f *errs.Fields, path string, bound decimal.Decimal, market exchange.Market, known bool) {
	f.Check(!bound.IsNegative(), path, "must be at least 0")
	if known && bound.IsPositive() {
		most, err := market.Steps(bound, exchange.Down)
		f.Check(err == nil, path, "is larger than any position can be; 0 is no bound")
		f.Check(err != nil || most >= market.MinVolume, path,
			"must be 0 or at least the least order, "+market.Volume(market.MinVolume).String()+" "+market.Base)
	}
}

// checkFurther notes faulty bounds of further pairs.
func (r Risk) checkFurther(f *errs.Fields, further []string, markets Markets) {
	const path = "/risk/max_positions"
	if len(r.MaxPositions) > MaxFurtherPairs {
		f.Add(path, "must be of at most "+strconv.Itoa(MaxFurtherPairs)+" pairs") // whatever they are: there may be very many
		return
	}
	for pair, bound := range r.MaxPositions {
		if !slices.Contains(further, pair) {
			f.Add(path, fmt.Sprintf("names %.32q, which is not one of the further pairs: leave its bound out", pair))
			continue
		}
		market, err := markets.Market(pair)
		checkPosition(f, path+"/"+pair, bound, market, err == nil)
	}
}

// Limits returns the bounds as the engine takes them.
func (r Risk) Limits(m exchange.Market) (risk.Config, error) {
	var c risk.Config
	percent := func(d decimal.Decimal) exchange.Rate {
		return exchange.Rate(d.Mul(decimal.NewFromInt(int64(exchange.RateOne))).Div(decimal.NewFromInt(100)).IntPart())
	}
	c.StopLoss, c.TakeProfit, c.TrailingStop = percent(r.StopLossPercent), percent(r.TakeProfitPercent), percent(r.TrailingStopPercent)
	c.MaxDailyLoss, c.MaxDrawdown = percent(r.MaxDailyLossPercent), percent(r.MaxDrawdownPercent)
	c.MaxHold, c.CoolDown = time.Duration(r.MaxHoldSeconds)*time.Second, time.Duration(r.CoolDownSeconds)*time.Second
	c.MaxOrders, c.MaxOrdersAMinute = int(r.MaxOrders), int(r.MaxOrdersAMinute)
	var err error
	c.MaxPosition, err = largest(r.MaxPosition, m)
	return c, err
}

// Largest returns the bound of the position in a further pair as the engine takes it;
// 0 is none.
func (r Risk) Largest(m exchange.Market) (exchange.Steps, error) {
	return largest(r.MaxPositions[m.Pair], m)
}

func largest(bound decimal.Decimal, m exchange.Market) (exchange.Steps, error) {
	if !bound.IsPositive() {
		return 0, nil
	}
	most, err := m.Steps(bound, exchange.Down)
	if err == nil && most == 0 {
		err = errs.New(errs.Invalid, "invalid_input", "the largest position %s is below the step %s of %s", bound, m.Step, m.Pair)
	}
	return most, err
}
