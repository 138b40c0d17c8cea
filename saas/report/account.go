package report

import (
	"math"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/strategy/perf"
)

// account is what the figures are made of. Amounts are units of the bot's own market.
type account struct {
	from, to  time.Time
	tripsFrom time.Time
	// start is the cash that the account began with.
	start int64
	days  []day
	trips []perf.Trade
}

// day is what the account was worth at a time, the last that is known of its day.
type day struct {
	at     time.Time
	equity int64
}

func accountOf(sum journal.Summary, fills []journal.Fill, points []journal.EquityPoint, markets []exchange.Market) (account, error) {
	m := markets[0]
	start, err := m.Units(sum.Equity.Sub(sum.Profit), exchange.Nearest)
	if err != nil {
		return account{}, err
	}
	a := account{start: int64(start), from: sum.Since}
	for _, p := range points {
		equity, err := m.Units(p.Equity, exchange.Nearest)
		if err != nil {
			return account{}, err
		}
		a.days = append(a.days, day{p.Time, int64(equity)})
	}
	if a.from.IsZero() { // an account from before that was noted
		if len(points) > 0 {
			a.from = points[0].Time
		}
		if len(fills) > 0 && (a.from.IsZero() || fills[0].Time.Before(a.from)) {
			a.from = fills[0].Time
		}
	}
	a.from = a.from.Truncate(time.Minute)
	a.tripsFrom = a.from
	if len(points) > 0 {
		a.to = points[len(points)-1].Time
	}
	cut := int64(len(fills)) < sum.Fills && len(fills) > 0
	if cut {
		a.tripsFrom = fills[0].Time.Truncate(time.Minute)
	}
	for i, part := range byMarket(fills, markets) {
		held := decimal.Zero
		if cut {
			held = heldBefore(positionIn(sum, markets[i].Pair), part)
		}
		trips, err := tripsOf(part, held, a.tripsFrom, markets[i], m)
		if err != nil {
			return account{}, err
		}
		a.trips = append(a.trips, trips...)
	}
	slices.SortStableFunc(a.trips, func(x, y perf.Trade) int { return ended(x).Compare(ended(y)) })
	return a, nil
}

// ended is when a trade was over; one that is open ends after all others.
func ended(t perf.Trade) time.Time {
	if t.ExitTime.IsZero() {
		return time.Unix(1<<40, 0)
	}
	return t.ExitTime
}

// byMarket parts fills by the markets that they were in; the first has what is in
// none of the others.
func byMarket(fills []journal.Fill, markets []exchange.Market) [][]journal.Fill {
	out := make([][]journal.Fill, len(markets))
	for _, f := range fills {
		n := slices.IndexFunc(markets, func(m exchange.Market) bool { return m.Pair == f.Pair })
		out[max(0, n)] = append(out[max(0, n)], f)
	}
	return out
}

// positionIn is what an account holds in a pair.
func positionIn(sum journal.Summary, pair string) decimal.Decimal {
	for _, p := range sum.Positions {
		if p.Pair == pair {
			return p.Position
		}
	}
	return sum.Position
}

// heldBefore is the position that an account had before fills that led to a
// position.
func heldBefore(position decimal.Decimal, fills []journal.Fill) decimal.Decimal {
	for _, f := range fills {
		position = position.Sub(moved(f))
	}
	return position
}

// moved is what a fill did to the position.
func moved(f journal.Fill) decimal.Decimal {
	if f.Side == exchange.Sell.String() {
		return f.Volume.Add(f.FeeBase).Neg()
	}
	return f.Volume.Sub(f.FeeBase)
}

// tripsOf returns the round trips of an account that held a position at a time
// before its fills, as package portfolio counts them: what one order sells is one.
// The last is open if something is held in the end; less than a step is nothing. Its
// market is m; profits are in units of the bot's own.
func tripsOf(fills []journal.Fill, held decimal.Decimal, from time.Time, m, own exchange.Market) ([]perf.Trade, error) {
	var trips []perf.Trade
	opened, order := from, ""
	for _, f := range fills {
		before := held
		held = held.Add(moved(f))
		if f.Side != exchange.Sell.String() {
			if before.LessThan(m.Step) {
				opened = f.Time
			}
			continue
		}
		profit, err := own.Units(f.Profit, exchange.Nearest)
		if err != nil {
			return nil, err
		}
		if f.ClientID == order {
			last := &trips[len(trips)-1]
			last.ExitTime, last.Profit = f.Time, last.Profit+int64(profit)
			continue
		}
		order = f.ClientID
		trips = append(trips, perf.Trade{EntryTime: opened, ExitTime: f.Time, Profit: int64(profit)})
	}
	if !held.LessThan(m.Step) {
		trips = append(trips, perf.Trade{EntryTime: opened})
	}
	return trips, nil
}

// measure computes the figures.
func (a account) measure() (Performance, error) {
	if a.start <= 0 || !a.to.After(a.from) {
		none := perf.Number(math.NaN())
		return Performance{Sharpe: none, WinRate: none, ProfitFactor: none, Exposure: none}, nil
	}
	stats, err := a.over(a.from)
	if err != nil {
		return Performance{}, err
	}
	trips := stats
	if a.tripsFrom.After(a.from) {
		if trips, err = a.over(a.tripsFrom); err != nil {
			return Performance{}, err
		}
	}
	return Performance{
		From: a.from, To: a.to, TripsFrom: a.tripsFrom, Sharpe: stats.Sharpe, Days: stats.Days, Trips: trips.Trades.Count, Won: trips.Trades.Won, Lost: trips.Trades.Lost,
		WinRate: trips.Trades.WinRate, ProfitFactor: trips.Trades.ProfitFactor, Exposure: trips.Exposure,
	}, nil
}

// over returns the statistics of the time from then on, minute by minute: each has
// the worth that was known last.
func (a account) over(from time.Time) (perf.Stats, error) {
	curve, err := perf.NewCurve(perf.Config{Initial: a.start, Interval: time.Minute, Start: from})
	if err != nil {
		return perf.Stats{}, err
	}
	equity, next := a.start, 0
	for at := from.Add(time.Minute); !at.After(a.to); at = at.Add(time.Minute) {
		for ; next < len(a.days) && !a.days[next].at.After(at); next++ {
			equity = a.days[next].equity
		}
		curve.Update(equity)
	}
	return curve.Stats(perf.Result{Trades: a.trips}), nil
}
