package archive_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata/archive"
)

// venue gives pages of a hundred candles and counts them; after some calls it
// fails once.
type venue struct {
	candles []exchange.Candle
	calls   int
	failAt  int
	asked   []time.Time
}

var errVenue = errors.New("the venue is away")

func (v *venue) page(_ context.Context, since time.Time) ([]exchange.Candle, error) {
	v.calls++
	v.asked = append(v.asked, since)
	if v.calls == v.failAt {
		return nil, errVenue
	}
	i, _ := slices.BinarySearchFunc(v.candles, since.UnixMilli(), func(c exchange.Candle, ms int64) int { return int(c.Time - ms) })
	return v.candles[i:min(len(v.candles), i+100)], nil
}

// A fetch that is cut off goes on where it was; only what is missing is asked
// for, before, within and after what is there.
func TestFetch(t *testing.T) {
	t.Parallel()
	a := open(t)
	all := walk(1, begin(), 1000)
	v := &venue{candles: all, failAt: 4}
	in := archive.FetchInput{
		WriterConfig: archive.WriterConfig{Market: market(), Interval: time.Minute}, From: begin().Add(200 * time.Minute), To: begin().Add(900 * time.Minute), Page: v.page,
	}
	if c, err := a.Fetch(t.Context(), in); !errors.Is(err, errVenue) || c.Added != 300 {
		t.Fatalf("cut off: %+v, %v", c, err)
	}
	if got := read(t, a, archive.Query{Key: key()}); !slices.Equal(got, all[200:500]) {
		t.Errorf("after the cut there are %d candles", len(got))
	}
	v.asked = nil
	if c, err := a.Fetch(t.Context(), in); err != nil || c != (archive.Changes{Added: 400}) || len(v.asked) != 4 || !v.asked[0].Equal(begin().Add(500*time.Minute)) {
		t.Errorf("going on: %+v, %v, asked for %v", c, err, v.asked)
	}
	v.asked = nil
	if c, err := a.Fetch(t.Context(), in); err != nil || c != (archive.Changes{}) || len(v.asked) != 0 {
		t.Errorf("again: %+v, %v, asked for %v", c, err, v.asked)
	}
	// The whole: what lies before and after.
	in.From, in.To = begin(), begin().Add(5000*time.Minute)
	var at time.Time
	in.Progress = func(t time.Time) { at = t }
	if c, err := a.Fetch(t.Context(), in); err != nil || c.Added != 300 || !at.Equal(begin().Add(1000*time.Minute)) {
		t.Errorf("around: %+v, %v, up to %s", c, err, at)
	}
	if got := read(t, a, archive.Query{Key: key()}); !slices.Equal(got, all) {
		t.Error("other candles came")
	}
	// Another past than before is a conflict.
	v.candles = slices.Clone(all)
	v.candles[999].Volume++
	b := open(t)
	put(t, b, archive.WriterConfig{}, slices.Concat(all[:950], all[999:]))
	var conflict *archive.ConflictError
	if _, err := b.Fetch(t.Context(), in); !errors.As(err, &conflict) {
		t.Errorf("another candle: %v", err)
	}
}
