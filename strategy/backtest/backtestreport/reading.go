package backtestreport

import "github.com/lunobot/lunobot/exchange"

// readings are the values that the page shows under the pointer: one of each
// for every bucket of the charts.
type readings struct {
	X        []float64 `json:"x"`
	Time     []string  `json:"time"`
	Equity   []string  `json:"equity"`
	Drawdown []string  `json:"drawdown"`
	Price    []string  `json:"price,omitempty"`
}

func (r *Report) readings(a axis) readings {
	var out readings
	falls := r.falls()
	for b := range a.count() {
		k := a.bucket(b+1) - 1
		i := a.kept[k]
		equity := amount(r.Market, r.Market.Amount(exchange.Units(r.result.Equity[i])))
		if r.candles != nil {
			equity += " · holding " + amount(r.Market, r.Market.Amount(hold(r.result, r.candles[i].Close)))
			out.Price = append(out.Price, price(r.Market, r.Market.Price(r.candles[i].Close)))
		}
		out.X = append(out.X, float64(int(a.x(k)*10))/10)
		out.Time = append(out.Time, minute(utc(r.closeTime(i))))
		out.Equity = append(out.Equity, equity)
		out.Drawdown = append(out.Drawdown, percent(falls[i]))
	}
	return out
}
