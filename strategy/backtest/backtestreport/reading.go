package backtestreport

import "github.com/lunobot/lunobot/exchange"

// readings reads the charts of the report.
func (r *Report) readings(a axis) Readings {
	out := Readings{Values: map[string][]string{}}
	add := func(chart, text string) { out.Values[chart] = append(out.Values[chart], text) }
	falls := r.falls()
	for b := range a.count() {
		k := a.bucket(b+1) - 1
		i := a.kept[k]
		equity := amount(r.Market, r.Market.Amount(exchange.Units(r.result.Equity[i])))
		if r.candles != nil {
			equity += " · holding " + amount(r.Market, r.Market.Amount(hold(r.result, r.candles[i].Close)))
			add(priceID, price(r.Market, r.Market.Price(r.candles[i].Close)))
		}
		out.X = append(out.X, tenth(a.x(k)))
		out.Time = append(out.Time, minute(utc(r.closeTime(i))))
		add(equityID, equity)
		add(drawdownID, percent(falls[i]))
	}
	return out
}

// tenth cuts a coordinate to what is drawn of it.
func tenth(x float64) float64 { return float64(int(x*10)) / 10 }
