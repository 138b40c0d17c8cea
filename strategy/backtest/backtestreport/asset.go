package backtestreport

import (
	"slices"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
)

// AssetRow is what a run of several pairs did in one of them, or its cash at the end;
// Tone is "gain", "loss" or "" and is that of the profit.
type AssetRow struct {
	// Asset is the currency, and Pair what it was traded in; "" for the cash.
	Asset string `json:"asset"`
	Pair  string `json:"pair,omitempty"`
	// Trades are the closed ones, Profit what they brought after Fees.
	Trades string `json:"trades,omitempty"`
	Profit string `json:"profit,omitempty"`
	Fees   string `json:"fees,omitempty"`
	// Held is the volume at the end, Value what it is worth and Share that as a part
	// of the account.
	Held  string `json:"held"`
	Value string `json:"value"`
	Share string `json:"share"`
	Tone  string `json:"tone,omitempty"`
}

// tradesOf returns how many trades were closed in a pair.
func (r *Report) tradesOf(leg int64) int {
	if !r.several() {
		return r.TradeCount()
	}
	n := 0
	for _, t := range r.result.Trades.All() {
		if t.Leg == leg {
			n++
		}
	}
	return n
}

// assets are the pairs of a run of several, and the cash.
func (r *Report) assets() []AssetRow {
	if !r.several() {
		return nil
	}
	var out []AssetRow
	cash := r.Final
	for leg, m := range r.result.Config.Markets() {
		a := r.result.AccountOf(int64(leg))
		value := decimal.Zero
		if i := slices.IndexFunc(r.open(), func(p Position) bool { return p.Market.Pair == m.Pair }); i >= 0 {
			value = r.open()[i].Value
		}
		cash = cash.Sub(value)
		profit := m.Amount(a.Realised)
		out = append(out, AssetRow{
			Asset: m.Base, Pair: m.Pair, Trades: whole(int64(r.tradesOf(int64(leg)))), Profit: signed(m, profit), Fees: amount(m, m.Amount(a.Fees)),
			Held: exchange.Grouped(m.Volume(a.Base).StringFixed(m.VolumeScale())), Value: amount(m, value), Share: percent(share(value, r.Final)),
			Tone: tone(profit.Sign()),
		})
	}
	return append(out, AssetRow{Asset: r.Market.Counter, Held: amount(r.Market, cash), Value: amount(r.Market, cash), Share: percent(share(cash, r.Final))})
}
