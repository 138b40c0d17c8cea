package backtestreport

import "github.com/lunobot/lunobot/exchange"

// readings reads the charts of the report.
func (r *Report) readings(a axis) Readings {
	out := Readings{Values: map[string][]string{}}
	add := func(chart, text string) { out.Values[chart] = append(out.Values[chart], text) }
	fall, held := r.falls(), r.held()
	fell, holds := r.Stats.MaxDrawdown != nil, r.heldSomething()
	var closeOf func(i int) exchange.Ticks
	if r.closes != nil {
		closeOf = r.closes.reader()
	}
	span := r.result.Config.Interval.Milliseconds()
	since := make([]func(ms int64) (exchange.Ticks, bool), len(r.further))
	for n, closes := range r.further {
		if closes.Len() > 0 {
			since[n] = closes.since()
		}
	}
	for b := range a.buckets() {
		k := a.bucket(b+1) - 1
		i := a.candle(k)
		equity := amount(r.Market, r.Market.Amount(exchange.Units(r.result.Equity[i])))
		if held != nil {
			equity += " · holding " + amount(r.Market, r.Market.Amount(held(i)))
		}
		if r.closes != nil {
			last := closeOf(i)
			add(priceID, price(r.Market, r.Market.Price(last)))
		}
		for n, closeOf := range since {
			if closeOf == nil {
				continue
			}
			text := "–"
			if last, ok := closeOf(r.result.CloseTime(i) - span); ok {
				m := r.result.Config.MarketOf(int64(n + 1))
				text = price(m, m.Price(last))
			}
			add(furtherID(int64(n+1)), text)
		}
		out.X = append(out.X, tenth(a.x(k)))
		out.Time = append(out.Time, minute(utc(r.result.CloseTime(i))))
		add(equityID, equity)
		if fell {
			add(drawdownID, percent(fall(i)))
		}
		if holds {
			add(exposureID, r.heldAt(i))
		}
	}
	return out
}

// tenth cuts a coordinate to what is drawn of it.
func tenth(x float64) float64 { return float64(int(x*10)) / 10 }
