package marketdata_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/exchange/marketdata/demo"
)

// shelf is a venue's history that is simply there, with holes.
type shelf struct {
	candles []exchange.Candle
	pages   int
	err     error
}

func (s *shelf) Markets(context.Context) ([]exchange.Market, error) { return nil, nil }

func (s *shelf) Candles(_ context.Context, _ string, _ time.Duration, since time.Time, limit int) ([]exchange.Candle, error) {
	s.pages++
	var page []exchange.Candle
	for _, c := range s.candles {
		if c.Time >= since.UnixMilli() && len(page) < limit {
			page = append(page, c)
		}
	}
	return page, s.err
}

func download(t *testing.T, s *shelf, from, to int64) (marketdata.Series, error) {
	t.Helper()
	return marketdata.Download(t.Context(), marketdata.DownloadInput{
		History: s, Interval: time.Minute, Market: market("1", "1"),
		From: time.UnixMilli(from * minute), To: time.UnixMilli(to * minute),
	})
}

func TestDownload(t *testing.T) {
	t.Parallel()
	s := &shelf{}
	for i := int64(10); i < 3000; i++ {
		if i%7 != 0 {
			s.candles = append(s.candles, candleAt(i*minute))
		}
	}
	got, err := download(t, s, 1, 2499)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Candles) != 2489 || s.pages != 3 {
		t.Fatalf("%d candles in %d pages", len(got.Candles), s.pages)
	}
	for i, c := range got.Candles { // proves M4
		at := int64(10+i) * minute
		want := candleAt(at)
		if at/minute%7 == 0 {
			want = exchange.Flat(at, candleAt(at-minute).Close)
		}
		if c != want {
			t.Fatalf("candle %d: %+v, want %+v", i, c, want)
		}
	}
	if got, err := download(t, s, 5000, 6000); err != nil || len(got.Candles) != 0 {
		t.Errorf("where nothing is: %v %v", got.Candles, err)
	}
}

func TestDownloadRefusesDamage(t *testing.T) {
	t.Parallel()
	cause := errors.New("down")
	for name, s := range map[string]*shelf{
		"error":    {candles: []exchange.Candle{candleAt(minute)}, err: cause},
		"invalid":  {candles: []exchange.Candle{{Time: minute}}},
		"off grid": {candles: []exchange.Candle{candleAt(minute), candleAt(2*minute + 1)}},
		"order":    {candles: []exchange.Candle{candleAt(2 * minute), candleAt(minute)}},
	} {
		if got, err := download(t, s, 1, 10); err == nil || s.err != nil && !errors.Is(err, cause) {
			t.Errorf("%s: %v, %v", name, got.Candles, err)
		}
	}
	if _, err := download(t, &shelf{}, 2, 2); err == nil {
		t.Error("an empty span was taken")
	}
}

func TestDownloadFromDemoMarket(t *testing.T) {
	t.Parallel()
	r, err := demo.New(demo.Config{Now: func() time.Time { return time.Unix(1, 0) }})
	if err != nil {
		t.Fatal(err)
	}
	markets, err := r.Markets(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got, err := marketdata.Download(t.Context(), marketdata.DownloadInput{
		History: r, Interval: time.Hour, Market: markets[0], From: r.Time(-2500 * 60), To: r.Time(0),
	})
	if err != nil || len(got.Candles) != 2500 {
		t.Errorf("%d candles, %v", len(got.Candles), err)
	}
}
