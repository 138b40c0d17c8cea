package backtestreport

import "github.com/lunobot/lunobot/exchange"

// readings reads the charts of the report.
func (r *Report) readings(a axis) Readings {
	out := Readings{Values: map[string][]string{}}
	add := func(chart, text string) { out.Values[chart] = append(out.Values[chart], text) }
	fall := r.falls()
	var closeOf func(i int) exchange.Ticks
	if r.closes != nil {
		closeOf = r.closes.reader()
	}
	for b := range a.buckets() {
		k := a.bucket(b+1) - 1
		i := a.candle(k)
		equity := amount(r.Market, r.Market.Amount(exchange.Units(r.result.Equity[i])))
		if r.closes != nil {
			last := closeOf(i)
			equity += " · holding " + amount(r.Market, r.Market.Amount(hold(r.result, last)))
			add(priceID, price(r.Market, r.Market.Price(last)))
		}
		out.X = append(out.X, tenth(a.x(k)))
		out.Time = append(out.Time, minute(utc(r.result.CloseTime(i))))
		add(equityID, equity)
		add(drawdownID, percent(fall(i)))
	}
	return out
}

// tenth cuts a coordinate to what is drawn of it.
func tenth(x float64) float64 { return float64(int(x*10)) / 10 }
