package luno

import (
	"context"
	"fmt"
	"net/url"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
)

// market is a market as Luno describes it.
type market struct {
	ID          string          `json:"market_id"`
	Base        string          `json:"base_currency"`
	Counter     string          `json:"counter_currency"`
	Status      string          `json:"trading_status"`
	MinVolume   decimal.Decimal `json:"min_volume"`
	MaxVolume   decimal.Decimal `json:"max_volume"`
	MinPrice    decimal.Decimal `json:"min_price"`
	MaxPrice    decimal.Decimal `json:"max_price"`
	PriceScale  int32           `json:"price_scale"`
	VolumeScale int32           `json:"volume_scale"`
}

// maxScale bounds the decimals of prices and volumes.
const maxScale = 12

// Markets lists the markets that Luno trades, with their present rules. Orders
// follow the rules of the last list; a market whose tick or step has changed takes
// none any more, because whoever counts in them counts wrong.
func (c *Client) Markets(ctx context.Context) ([]exchange.Market, error) {
	var told struct {
		Markets []market `json:"markets"`
	}
	if _, err := c.get(ctx, pathMarkets, url.Values{}, &told); err != nil {
		return nil, fmt.Errorf("reading the markets of Luno: %w", err)
	}
	list := make([]exchange.Market, 0, len(told.Markets))
	for _, t := range told.Markets {
		m, err := t.market()
		if err != nil {
			return nil, fmt.Errorf("reading the markets of Luno: %s: %w", t.ID, err)
		}
		list = append(list, m)
	}
	c.remember(list)
	return list, nil
}

// remember keeps a list of all markets.
func (c *core) remember(list []exchange.Market) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.markets = make(map[string]exchange.Market, len(list))
	for _, m := range list {
		if old, ok := c.counted[m.Pair]; !ok {
			c.counted[m.Pair] = m
		} else if !old.Tick.Equal(m.Tick) || !old.Step.Equal(m.Step) {
			c.changed[m.Pair] = true
		}
		c.markets[m.Pair] = m
	}
}

// Market returns one market, from the last list of all or a new one. One that
// Luno does not trade is a rejection, and so is one whose tick or step is not the
// one that was counted in.
func (c *Client) Market(ctx context.Context, pair string) (exchange.Market, error) {
	m, known, err := c.market(pair)
	if known {
		return m, err
	}
	if _, err := c.Markets(ctx); err != nil {
		return exchange.Market{}, err
	}
	if m, known, err = c.market(pair); known {
		return m, err
	}
	return exchange.Market{}, exchange.Rejected("ErrMarketUnavailable", "Luno has no market %q", pair)
}

// market returns a market of the last list.
func (c *core) market(pair string) (m exchange.Market, known bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m, known = c.markets[pair]
	if c.changed[pair] {
		return exchange.Market{}, known, exchange.Unsent("ErrMarketUnavailable",
			"Luno has changed the tick or the step of %s to %s and %s: start anew what counts in the old ones", pair, m.Tick, m.Step)
	}
	return m, known, nil
}

// market translates a market; its bounds must be whole ticks and steps.
func (t market) market() (exchange.Market, error) {
	if t.PriceScale < 0 || t.PriceScale > maxScale || t.VolumeScale < 0 || t.VolumeScale > maxScale {
		return exchange.Market{}, fmt.Errorf("%d and %d decimals are more than %d", t.PriceScale, t.VolumeScale, maxScale)
	}
	if err := sane(t.MinVolume, t.MaxVolume, t.MinPrice, t.MaxPrice); err != nil {
		return exchange.Market{}, err
	}
	m := exchange.Market{
		Pair: t.ID, Base: t.Base, Counter: t.Counter, Tick: decimal.New(1, -t.PriceScale), Step: decimal.New(1, -t.VolumeScale), Status: statusOf(t.Status),
	}
	var err error
	if m.MinVolume, err = m.Steps(t.MinVolume, exchange.Up); err != nil {
		return m, err
	}
	if m.MaxVolume, err = m.Steps(t.MaxVolume, exchange.Down); err != nil {
		return m, err
	}
	if m.MinPrice, err = m.Ticks(t.MinPrice, exchange.Up); err != nil {
		return m, err
	}
	if m.MaxPrice, err = m.Ticks(t.MaxPrice, exchange.Down); err != nil {
		return m, err
	}
	return m, m.Validate()
}

// sane refuses numbers whose exponent would make them huge to work with.
func sane(numbers ...decimal.Decimal) error {
	const most = 40
	for _, n := range numbers {
		if n.Exponent() > most || n.Exponent() < -most {
			return fmt.Errorf("a number has an exponent of %d", n.Exponent())
		}
	}
	return nil
}

// statusOf translates the state of a market, which Luno spells in two ways. One
// that is not known takes no orders.
func statusOf(text string) exchange.MarketStatus {
	switch text {
	case "ACTIVE":
		return exchange.MarketActive
	case "POST_ONLY", "POSTONLY", "SUSPENDED": // both take post-only orders
		return exchange.MarketPostOnly
	}
	return exchange.MarketDisabled
}
