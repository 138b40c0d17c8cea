package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/live"
	"github.com/lunobot/lunobot/tenancy"
)

// trader is a small bot that crosses two averages on the demo market, writes
// the journal and, once it is live, tells the hub: it makes pages that look as
// they will.
type trader struct {
	w      *world
	who    tenancy.Principal
	id     string
	market exchange.Market
	closes []float64
	above  bool
	known  bool

	cash, position, entry, fees, realised, peak, down decimal.Decimal
	number, fills, orders                             int64
	live                                              bool
}

func (w *world) trader(t testing.TB, who tenancy.Principal, id, pair string) *trader {
	t.Helper()
	m, err := worldMarkets{w.market}.Market(pair)
	if err != nil {
		t.Fatal(err)
	}
	return &trader{w: w, who: who, id: id, market: m, cash: decimal.NewFromInt(10_000), peak: decimal.NewFromInt(10_000)}
}

// replay trades the candles before now.
func (b *trader) replay(t testing.TB, candles int) {
	t.Helper()
	since := b.w.market.Now().Add(-time.Duration(candles) * time.Minute)
	list, err := b.w.market.Candles(t.Context(), b.market.Pair, time.Minute, since, candles)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range list {
		b.candle(c)
	}
}

func (b *trader) tell(kind string, at int64, data any) {
	if !b.live {
		return
	}
	raw, err := json.Marshal(data)
	if err != nil {
		panic(err)
	}
	b.w.live.publish(b.who.TenantID, b.id, live.Update{Type: kind, Time: time.UnixMilli(at), Data: raw})
}

func average(values []float64, n int) float64 {
	sum := 0.0
	for _, v := range values[len(values)-n:] {
		sum += v
	}
	return sum / float64(n)
}

func (b *trader) candle(c exchange.Candle) {
	m, at := b.market, time.UnixMilli(c.Time).Add(time.Minute).UTC()
	price := m.Price(c.Close)
	b.tell("candle", c.Time, map[string]any{"time": c.Time, "open": m.Price(c.Open), "high": m.Price(c.High), "low": m.Price(c.Low), "close": price, "volume": m.Volume(c.Volume)})
	e := journal.Entry{TenantID: b.who.TenantID, BotID: b.id}
	b.closes = append(b.closes, c.Close.Float())
	text, kind := "waiting for 30 candles", "none"
	if len(b.closes) >= 30 {
		fast, slow := average(b.closes, 10), average(b.closes, 30)
		f, s := m.FormatPrice(fast), m.FormatPrice(slow)
		b.tell("plot", c.Time, map[string]any{"time": c.Time, "values": map[string]string{"fast": m.Tick.Mul(decimal.NewFromFloat(fast)).String(), "slow": m.Tick.Mul(decimal.NewFromFloat(slow)).String()}})
		tick := m.Tick.InexactFloat64()
		e.Plots = []journal.Plot{{Line: "fast", Time: c.OpenTime(), Value: fast * tick}, {Line: "slow", Time: c.OpenTime(), Value: slow * tick}}
		above := fast > slow
		text = fmt.Sprintf("waiting: fast %s is below slow %s", f, s)
		if above {
			text = fmt.Sprintf("holding: fast %s is above slow %s", f, s)
		}
		switch crossed := b.known && above != b.above; {
		case crossed && above && b.position.IsZero():
			volume := b.cash.Mul(decimal.RequireFromString("0.998")).Div(price).Truncate(m.VolumeScale())
			b.trade(&e, "buy", at, price, volume)
			kind, text = "buy", fmt.Sprintf("bought %s at %s: fast %s crossed above slow %s", volume, price, f, s)
		case crossed && !above && !b.position.IsZero():
			volume := b.position
			b.trade(&e, "sell", at, price, volume)
			kind, text = "sell", fmt.Sprintf("sold %s at %s: fast %s crossed below slow %s", volume, price, f, s)
		}
		b.above, b.known = above, true
	}
	b.number++
	e.Decisions = []journal.Decision{{BotID: b.id, Number: b.number, Kind: kind, Text: text, Time: at}}
	sum := b.summary(price, text)
	e.Equity = []journal.EquityPoint{{BotID: b.id, Time: at, Equity: sum.Equity, Position: sum.Position, Price: price}}
	e.Checkpoint = &journal.Checkpoint{BotID: b.id, Sequence: b.number, MarketTime: at, Summary: sum}
	b.w.journal.commit(e)
	b.tell("decision", at.UnixMilli(), map[string]any{"number": b.number, "time": at.UnixMilli(), "kind": kind, "text": text})
	raw, err := json.Marshal(sum)
	if err != nil {
		panic(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(raw, &fields); err != nil {
		panic(err)
	}
	fields["time"] = at.UnixMilli()
	b.tell("summary", at.UnixMilli(), fields)
}

// trade fills a market order at the price with a fee of 0.1 %.
func (b *trader) trade(e *journal.Entry, side string, at time.Time, price, volume decimal.Decimal) {
	value := price.Mul(volume)
	fee := value.Mul(decimal.RequireFromString("0.001")).Round(2)
	profit := decimal.Zero
	if side == "buy" {
		b.cash, b.position, b.entry = b.cash.Sub(value).Sub(fee), volume, price
	} else {
		profit = price.Sub(b.entry).Mul(volume).Sub(fee)
		b.cash, b.position = b.cash.Add(value).Sub(fee), decimal.Zero
		b.realised = b.realised.Add(profit)
	}
	b.fees = b.fees.Add(fee)
	b.fills++
	b.orders++
	id := fmt.Sprintf("%s-%d", b.id[:8], b.orders)
	e.Orders = append(e.Orders, journal.Order{ClientID: id, BotID: b.id, Pair: b.market.Pair, Number: b.orders, Side: side, Type: "market", Volume: volume, State: journal.Filled, Reason: "the averages crossed", CreatedAt: at, UpdatedAt: at})
	e.Fills = append(e.Fills, journal.Fill{BotID: b.id, Pair: b.market.Pair, ClientID: id, Sequence: b.fills, Side: side, Price: price, Volume: volume, Value: value, FeeCounter: fee, Profit: profit, Time: at})
	b.tell("order", at.UnixMilli(), map[string]any{"client_id": id, "pair": b.market.Pair, "number": b.orders, "side": side, "type": "market", "price": "0", "volume": volume, "state": "filled", "reason": "the averages crossed", "time": at.UnixMilli()})
	b.tell("fill", at.UnixMilli(), map[string]any{"sequence": b.fills, "pair": b.market.Pair, "time": at.UnixMilli(), "side": side, "price": price, "volume": volume, "value": value, "fee": fee, "profit": profit})
}

func (b *trader) summary(price decimal.Decimal, text string) journal.Summary {
	s := journal.Summary{
		Equity: b.cash.Add(b.position.Mul(price)), Cash: b.cash, FreeCash: b.cash, Position: b.position, Price: price, Fees: b.fees,
		Realised: b.realised, Fills: b.fills, Trades: b.fills / 2, LastDecision: text,
	}
	if !b.position.IsZero() {
		s.Entry, s.Unrealised = b.entry, price.Sub(b.entry).Mul(b.position)
		s.Stop = b.entry.Mul(decimal.RequireFromString("0.97")).Round(b.market.PriceScale())
		s.Target = b.entry.Mul(decimal.RequireFromString("1.05")).Round(b.market.PriceScale())
	}
	s.Profit = s.Equity.Sub(decimal.NewFromInt(10_000))
	b.peak = decimal.Max(b.peak, s.Equity)
	b.down = decimal.Max(b.down, b.peak.Sub(s.Equity).Div(b.peak))
	s.MaxDrawdown = b.down
	return s
}

// ticks tells prices until ctx ends, and trades nothing.
func (b *trader) ticks(ctx context.Context) {
	b.live = true
	_ = b.w.market.Stream(ctx, b.market.Pair, func(e exchange.StreamEvent) {
		if e.Tick != nil {
			b.tell("tick", e.Tick.Time, map[string]any{"time": e.Tick.Time, "price": b.market.Price(e.Tick.Price)})
		}
	})
}

// run trades live until ctx ends.
func (b *trader) run(ctx context.Context) {
	b.live = true
	_ = b.w.market.Stream(ctx, b.market.Pair, func(e exchange.StreamEvent) {
		switch {
		case e.Tick != nil:
			b.tell("tick", e.Tick.Time, map[string]any{"time": e.Tick.Time, "price": b.market.Price(e.Tick.Price)})
		case e.Candle != nil:
			b.candle(*e.Candle)
		}
	})
}
