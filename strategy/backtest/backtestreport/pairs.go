package backtestreport

import (
	"fmt"
	"strings"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy/backtest"
)

// several reports whether the run traded several pairs.
func (r *Report) several() bool { return len(r.result.Config.Pairs) > 0 }

// traded names the pairs of the run, its own first.
func (r *Report) traded() string { return traded(r.result.Config) }

func traded(cfg backtest.Config) string {
	var names []string
	for _, m := range cfg.Markets() {
		names = append(names, m.Pair)
	}
	return strings.Join(names, ", ")
}

// holding is what the comparison with holding is called.
func (r *Report) holding() string {
	if r.several() {
		return "Holding equal shares"
	}
	return "Buy and hold"
}

// held returns a function that returns what holding is worth at the close of a candle;
// nil without the closes of all pairs. It is asked for candles in their order.
func (r *Report) held() func(i int) exchange.Units {
	if r.closes == nil {
		return nil
	}
	since := make([]func(ms int64) (exchange.Ticks, bool), len(r.result.Pairs))
	for n, p := range r.result.Pairs {
		switch {
		case n < len(r.further) && r.further[n].Len() > 0:
			since[n] = r.further[n].since()
		case p.FirstPrice > 0:
			return nil
		}
	}
	closeOf, h, prices := r.closes.reader(), r.result.Holding(), make([]exchange.Ticks, 1+len(since))
	span := r.result.Config.Interval.Milliseconds()
	return func(i int) exchange.Units {
		prices[0] = closeOf(i)
		for n, closeOf := range since {
			if closeOf != nil {
				prices[n+1], _ = closeOf(r.result.CloseTime(i) - span)
			}
		}
		return h.Worth(prices...)
	}
}

// open returns what was held at the end, the run's own pair first.
func (r *Report) open() []Position {
	if r.Position == nil {
		return r.Others
	}
	return append([]Position{*r.Position}, r.Others...)
}

// positionOf returns what was held in a pair at the end; nil if nothing was.
func positionOf(res *backtest.Result, leg int64) (*Position, error) {
	m, a, last := res.Config.MarketOf(leg), res.AccountOf(leg), res.LastPrice
	if a.Base <= 0 {
		return nil, nil
	}
	if leg > 0 {
		last = res.Pairs[leg-1].LastPrice
	}
	worth, err := last.Times(a.Base)
	if err != nil {
		return nil, fmt.Errorf("backtestreport: what is held of %s: %w", m.Base, err)
	}
	value := m.Amount(worth)
	return &Position{
		Market: m, OpenedAt: utc(a.Opened), Volume: m.Volume(a.Base), EntryPrice: average(m, a.Cost-a.Closing.PaidFees, a.Base),
		Cost: m.Amount(a.Cost), Value: value, Profit: value.Sub(m.Amount(a.Cost)),
	}, nil
}

// sentence says what is still held.
func (p Position) sentence() string {
	return fmt.Sprintf("Still open since %s: %s %s, bought at %s on average, worth %s %s (%s).", minute(p.OpenedAt), p.Volume, p.Market.Base,
		price(p.Market, p.EntryPrice), amount(p.Market, p.Value), p.Market.Counter, signed(p.Market, p.Profit))
}

// marketOf returns the market of a trade.
func (r *Report) marketOf(t Trade) exchange.Market { return r.result.Config.MarketOf(t.leg) }

// pairName returns a pair's name, "" where there is only one.
func (r *Report) pairName(pair string) string {
	if r.several() {
		return pair
	}
	return ""
}
