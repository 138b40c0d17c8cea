package bot

import (
	"cmp"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/tenancy"
)

// Loosened names the bounds that allow more than another bot's, or do not exist where those
// do: wider or later exits, a shorter pause after a loss, larger losses, more orders, larger
// positions. Further pairs count that both trade, by what Config says of them.
func (c Config) Loosened(was Config) []string {
	var list []string
	add := func(looser bool, name string) {
		if looser {
			list = append(list, name)
		}
	}
	wider := func(now, before decimal.Decimal) bool { // 0 is no bound
		return before.IsPositive() && (now.IsZero() || now.GreaterThan(before))
	}
	more := func(now, before, none int64) bool { return cmp.Or(now, none) > cmp.Or(before, none) }
	const never = int64(^uint64(0) >> 1)
	r, w := &c.Risk, &was.Risk
	add(wider(r.StopLossPercent, w.StopLossPercent), "stop-loss")
	add(wider(r.TakeProfitPercent, w.TakeProfitPercent), "take-profit")
	add(wider(r.TrailingStopPercent, w.TrailingStopPercent), "trailing stop")
	add(more(r.MaxHoldSeconds, w.MaxHoldSeconds, never), "time exit")
	add(r.CoolDownSeconds < w.CoolDownSeconds, "cool-down")
	add(wider(r.MaxDailyLossPercent, w.MaxDailyLossPercent), "largest daily loss")
	add(wider(r.MaxDrawdownPercent, w.MaxDrawdownPercent), "largest drawdown")
	add(more(r.MaxOrders, w.MaxOrders, mostOrders), "open orders")
	add(more(r.MaxOrdersAMinute, w.MaxOrdersAMinute, mostOrdersAMinute), "orders a minute")
	add(wider(r.MaxPosition, w.MaxPosition), "largest position")
	for _, pair := range c.Also {
		add(wider(r.MaxPositions[pair], w.MaxPositions[pair]), "largest position in "+pair)
	}
	return list
}

// MayLoosen reports whether somebody may loosen the bounds of a live bot: who may decide about
// real money. Anybody who may change a bot may tighten them.
func MayLoosen(p tenancy.Principal) bool { return responsible(p) == nil }

// mayLoosen is the Forbidden error, code "bounds_loosened", of who may not.
func mayLoosen(p tenancy.Principal, name string, list []string) error {
	if MayLoosen(p) {
		return nil
	}
	return errs.New(errs.Forbidden, "bounds_loosened",
		"%s is live, and this would loosen its bounds (%s): you may tighten them, but to loosen them takes the rights that going live takes, to run bots and to connect accounts",
		name, strings.Join(list, ", ")).With("bounds", list)
}
