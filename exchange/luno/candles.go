package luno

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
)

// PageSize is how many candles Luno gives at a time.
const PageSize = 1000

// Intervals lists the lengths of candles that Luno has, ascending.
func Intervals() []time.Duration {
	return []time.Duration{
		time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour, 3 * time.Hour, 4 * time.Hour, 8 * time.Hour,
		24 * time.Hour, 3 * 24 * time.Hour, 7 * 24 * time.Hour,
	}
}

// candle is a candle as Luno describes it.
type candle struct {
	Time   int64           `json:"timestamp"`
	Open   decimal.Decimal `json:"open"`
	High   decimal.Decimal `json:"high"`
	Low    decimal.Decimal `json:"low"`
	Close  decimal.Decimal `json:"close"`
	Volume decimal.Decimal `json:"volume"`
}

// candlePage is an answer with candles.
type candlePage struct {
	Pair     string   `json:"pair"`
	Duration int64    `json:"duration"`
	Candles  []candle `json:"candles"`
	// wanted and of are the pair and the seconds that were asked for.
	wanted string
	of     int64
}

var _ checked = (*candlePage)(nil)

// check implements checked. An answer that names no pair is none: taken for an
// empty page it would be the end of all candles.
func (p *candlePage) check() error {
	if p.Pair != p.wanted || p.Duration != p.of || len(p.Candles) > PageSize {
		return fmt.Errorf("%d candles of %d s of %q were given, and not up to %d of %d s of %q", len(p.Candles), p.Duration, p.Pair, PageSize, p.of, p.wanted)
	}
	return nil
}

// Candles implements exchange.MarketData: at most PageSize candles. It needs a
// key.
func (c *Client) Candles(ctx context.Context, pair string, interval time.Duration, since time.Time, limit int) ([]exchange.Candle, error) {
	m, err := c.Market(ctx, pair)
	if err != nil {
		return nil, err
	}
	page, err := c.CandlesIn(ctx, m, interval, since)
	return page[:min(len(page), max(0, limit))], err
}

// CandlesIn returns a page of closed candles in the market's tick and step: the
// earliest ones, PageSize at most, that open at or after since. A candle that
// may still be forming, by this machine's clock or by Luno's, is left out (rule
// M4). A number that is finer than the tick or the step is an error, as is
// anything else that no candle of the market can be.
func (c *Client) CandlesIn(ctx context.Context, m exchange.Market, interval time.Duration, since time.Time) ([]exchange.Candle, error) {
	if !slices.Contains(Intervals(), interval) {
		return nil, exchange.Rejected("ErrInvalidArguments", "Luno has no candles of %s", interval)
	}
	if c.cfg.KeyID == "" {
		return nil, exchange.Rejected("ErrUnauthorised", "Luno gives candles to holders of an API key only; one without any right to trade will do")
	}
	told := candlePage{wanted: m.Pair, of: int64(interval / time.Second)}
	a, err := c.get(ctx, pathCandles, url.Values{
		"pair": {m.Pair}, "duration": {strconv.FormatInt(int64(interval/time.Second), 10)}, "since": {strconv.FormatInt(since.UnixMilli(), 10)},
	}, &told)
	if err != nil {
		return nil, fmt.Errorf("reading candles of %s: %w", m.Pair, err)
	}
	now := c.cfg.Now()
	if !a.at.IsZero() && a.at.Before(now) {
		now = a.at
	}
	out := make([]exchange.Candle, 0, len(told.Candles))
	last := since.UnixMilli() - 1
	for _, t := range told.Candles {
		k, err := t.candle(m)
		if err == nil && (k.Time <= last || !k.Valid()) {
			err = fmt.Errorf("it is no candle, or does not follow the one before")
		}
		if err != nil {
			return nil, fmt.Errorf("reading candles of %s: the one of %s: %w", m.Pair, time.UnixMilli(t.Time).UTC().Format(time.RFC3339), err)
		}
		if k.Time+interval.Milliseconds() > now.UnixMilli() {
			break
		}
		last = k.Time
		out = append(out, k)
	}
	return out, nil
}

func (t candle) candle(m exchange.Market) (k exchange.Candle, err error) {
	k.Time = t.Time
	if err := sane(t.Open, t.High, t.Low, t.Close, t.Volume); err != nil {
		return k, err
	}
	for _, p := range [...]struct {
		to   *exchange.Ticks
		from decimal.Decimal
	}{{&k.Open, t.Open}, {&k.High, t.High}, {&k.Low, t.Low}, {&k.Close, t.Close}} {
		if *p.to, err = m.Ticks(p.from, exchange.Exact); err != nil {
			return k, err
		}
	}
	k.Volume, err = m.Steps(t.Volume, exchange.Exact)
	return k, err
}
