package parity

import (
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
)

// Slippage is what a live bot's exchange made of its orders against what the simulation
// made of the same. It travels as JSON.
type Slippage struct {
	// Currency is that of all amounts.
	Currency string `json:"currency"`
	// Orders were compared: both traded them, for Turnover at the exchange's prices, as
	// far as both did.
	Orders   int             `json:"orders"`
	Turnover decimal.Decimal `json:"turnover"`
	// Price is what the exchange's prices cost beyond those of the simulation, and Fee what
	// its fees did; below 0 where it was better.
	Price decimal.Decimal `json:"price"`
	Fee   decimal.Decimal `json:"fee"`
	// Delay is how much later the exchange began to trade, on average.
	Delay time.Duration `json:"delay"`
	// OnlyThere are orders that the exchange alone traded, OnlyHere those that the
	// simulation alone did, and Refused those that were denied or rejected.
	OnlyThere int `json:"only_there"`
	OnlyHere  int `json:"only_here"`
	Refused   int `json:"refused"`
	// Compared are the newest MaxCompared orders that were traded or refused, the newest
	// first.
	Compared []Compared `json:"compared"`
}

// MaxCompared is how many orders a report has one by one.
const MaxCompared = 100

// Cost is what the exchange cost beyond the simulation in all.
func (s Slippage) Cost() decimal.Decimal { return s.Price.Add(s.Fee) }

// Share is Cost as a share of the turnover; 0 without one.
func (s Slippage) Share() decimal.Decimal {
	if s.Turnover.IsZero() {
		return decimal.Zero
	}
	return s.Cost().DivRound(s.Turnover, 6)
}

// Compared is an order in both worlds.
type Compared struct {
	Number uint64    `json:"number"`
	Pair   string    `json:"pair"`
	Side   string    `json:"side"`
	Type   string    `json:"type"`
	Exit   bool      `json:"exit,omitempty"`
	Time   time.Time `json:"time"`
	// There is what the exchange made of it, Here what the simulation did.
	There Outcome `json:"there"`
	Here  Outcome `json:"here"`
	// Price and Fee are as in Slippage.
	Price decimal.Decimal `json:"price"`
	Fee   decimal.Decimal `json:"fee"`
	// Reason is why the exchange did not fill it whole; "" if it did, or may yet.
	Reason string `json:"reason,omitempty"`
}

// Outcome is what became of an order.
type Outcome struct {
	// Volume was traded, in base, at Price on average, for Fee in the counter currency;
	// Delay after the order was wanted it began.
	Volume decimal.Decimal `json:"volume"`
	Price  decimal.Decimal `json:"price"`
	Fee    decimal.Decimal `json:"fee"`
	Delay  time.Duration   `json:"delay,omitempty"`
}

// Traded reports whether anything was.
func (o Outcome) Traded() bool { return o.Volume.Sign() > 0 }

func (o *simulated) outcome(t *tally) Outcome {
	m := o.market
	out := Outcome{Volume: m.Volume(t.volume), Fee: m.Amount(t.fee)}
	if t.volume > 0 {
		out.Price = m.Amount(t.value).DivRound(out.Volume, m.PriceScale()+4)
		out.Fee = out.Fee.Add(m.DustAmount(t.dust).Mul(out.Price)).Round(m.PriceScale() + m.VolumeScale())
		out.Delay = time.Duration(t.first-o.request.Time) * time.Millisecond
	}
	return out
}

// refused reports whether the exchange, or its guard here, did not take it.
func (o *simulated) refused() bool {
	return o.ended && o.there.volume == 0 && (o.end.Ending == exchange.EndedDenied || o.end.Ending == exchange.EndedRejected)
}

func (o *simulated) compare() Compared {
	r := &o.request
	c := Compared{
		Number: o.number, Pair: o.market.Pair, Side: r.Side.String(), Type: r.Type.String(), Exit: o.exit, Time: time.UnixMilli(r.Time).UTC(),
		There: o.outcome(&o.there), Here: o.outcome(&o.here), Reason: o.end.Reason,
	}
	common := c.common()
	if common.IsZero() {
		return c
	}
	c.Price = c.There.Price.Sub(c.Here.Price).Mul(common)
	if r.Side == exchange.Sell {
		c.Price = c.Price.Neg()
	}
	scale := o.market.PriceScale() + o.market.VolumeScale()
	c.Price = c.Price.Round(scale)
	c.Fee = c.There.part(common).Sub(c.Here.part(common)).Round(scale)
	return c
}

// common is the volume that both traded.
func (c *Compared) common() decimal.Decimal { return decimal.Min(c.There.Volume, c.Here.Volume) }

// part is the fee of a part of the volume.
func (o *Outcome) part(volume decimal.Decimal) decimal.Decimal {
	return o.Fee.Mul(volume).DivRound(o.Volume, 16)
}

// Result returns what there is to compare by now; nil if that is nothing.
func (s *Simulation) Result() *Slippage {
	var out Slippage
	for i := len(s.list) - 1; i >= 0; i-- {
		o := s.list[i]
		if !o.refused() && o.there.volume == 0 && o.here.volume == 0 {
			continue
		}
		c := o.compare()
		out.Currency = o.market.Counter
		switch common := c.common(); {
		case o.refused():
			out.Refused++
		case !c.Here.Traded():
			out.OnlyThere++
		case !c.There.Traded():
			out.OnlyHere++
		default:
			out.Orders++
			out.Turnover = out.Turnover.Add(c.There.Price.Mul(common).Round(o.market.PriceScale() + o.market.VolumeScale()))
			out.Price, out.Fee, out.Delay = out.Price.Add(c.Price), out.Fee.Add(c.Fee), out.Delay+c.There.Delay-c.Here.Delay
		}
		if len(out.Compared) < MaxCompared {
			out.Compared = append(out.Compared, c)
		}
	}
	if out.Currency == "" {
		return nil
	}
	if out.Orders > 0 {
		out.Delay /= time.Duration(out.Orders)
	}
	return &out
}
