package marketdata

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lunobot/lunobot/exchange"
)

// downloadLimit is how many candles are asked of a venue at a time.
const downloadLimit = 1000

// DownloadInput says which candles are read from a venue.
type DownloadInput struct {
	// From and To keep the candles that open at From or later and before To.
	From, To time.Time
	// History is the venue.
	History exchange.MarketData
	// Interval is the length of the candles.
	Interval time.Duration
	// Market is what was traded.
	Market exchange.Market
}

// Download reads the closed candles of a span from a venue, page by page, and
// fills the holes between them with flat candles (rule M4). The series may be
// shorter than asked for, or empty, where the venue has no candles.
func Download(ctx context.Context, in DownloadInput) (Series, error) {
	step := in.Interval.Milliseconds()
	if in.History == nil || step <= 0 || !in.From.Before(in.To) {
		return Series{}, errors.New("reading history: a venue, an interval and a span are required")
	}
	s := Series{Market: in.Market, Interval: in.Interval}
	since, to := in.From.UnixMilli(), in.To.UnixMilli()
	for since < to {
		page, err := in.History.Candles(ctx, in.Market.Pair, in.Interval, time.UnixMilli(since).UTC(), downloadLimit)
		if err != nil {
			return Series{}, fmt.Errorf("reading history of %s: %w", in.Market.Pair, err)
		}
		if len(page) == 0 {
			break
		}
		for _, c := range page {
			if c.Time >= to {
				return s, nil
			}
			if err := s.append(c, since, step); err != nil {
				return Series{}, fmt.Errorf("reading history of %s: %w", in.Market.Pair, err)
			}
			since = c.Time + step
		}
	}
	return s, nil
}

// append adds a venue's candle, which must not open before since, and fills the
// hole before it.
func (s *Series) append(c exchange.Candle, since, step int64) error {
	if c.Time < since || !c.Valid() {
		return fmt.Errorf("the venue gave the candle %+v for those since %d", c, since)
	}
	if n := len(s.Candles); n > 0 {
		last := s.Candles[n-1]
		if gap := c.Time - last.Time; gap%step != 0 || gap/step > maxFilled {
			return fmt.Errorf("the venue gave candles that are %d ms apart", gap)
		}
		for t := last.Time + step; t < c.Time; t += step {
			s.Candles = append(s.Candles, exchange.Flat(t, last.Close))
		}
	}
	s.Candles = append(s.Candles, c)
	return nil
}
